//! The only place that starts programs. A program gets an argument vector and never a shell line of ours, nothing on
//! its standard input, and does not outlive the future that waits for it: dropping that (Ctrl-C does) kills it with
//! all that it started.
#![expect(clippy::disallowed_methods, reason = "this is the one place that may start programs")]

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::diagnostic::Hint;
use crate::ports::OnLine;

/// How many of its last lines an error keeps of a program's output: a failed build step with its command fits.
pub const LINES_KEPT: usize = 40;

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// There is no such program.
    #[error("`{program}` is not installed, or not in PATH")]
    NotFound {
        /// The program.
        program: String,
    },
    /// The directory that it was to run in does not exist.
    #[error("run `{what}`: there is no directory {}", directory.display())]
    NoDirectory {
        /// The program with what it was to do.
        what: String,
        /// The directory.
        directory: PathBuf,
    },
    /// It could not be started.
    #[error("start `{what}`")]
    Start {
        /// The program with what it was to do.
        what: String,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// It ran and failed.
    #[error("`{what}` {}{}", ending(*code), last_words(lines))]
    Failed {
        /// The program with what it was to do.
        what: String,
        /// Its exit code; `None` if a signal ended it.
        code: Option<i32>,
        /// The last lines that it wrote: standard error, and standard output where that was not the result.
        lines: Vec<String>,
    },
    /// Its output could not be read.
    #[error("read the output of `{what}`")]
    Output {
        /// The program with what it was to do.
        what: String,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

/// The second half of a sentence on how a program ended.
fn ending(code: Option<i32>) -> String {
    code.map_or_else(|| "was ended by a signal".to_owned(), |code| format!("failed with exit code {code}"))
}

/// The last line that says something: where nearly every program puts its reason.
fn last_words(lines: &[String]) -> String {
    lines.iter().rev().find(|line| !line.trim().is_empty()).map(|line| format!(": {}", line.trim())).unwrap_or_default()
}

impl ProcessError {
    /// What the program wrote before it failed.
    pub fn lines(&self) -> &[String] {
        match self {
            Self::Failed { lines, .. } => lines,
            _ => &[],
        }
    }
}

impl Hint for ProcessError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotFound { program } if program == "docker" => {
                vec!["install Docker (Debian and Ubuntu: apt-get install docker.io), https://docs.docker.com/get-docker/ has the rest".to_owned()]
            }
            Self::NotFound { program } => vec![format!("install `{program}`, or add its directory to PATH")],
            _ => Vec::new(),
        }
    }
}

/// A program to be started.
#[derive(Debug, Clone)]
pub struct Program {
    name: OsString,
    arguments: Vec<OsString>,
    directory: Option<PathBuf>,
    /// `None` takes a variable away.
    environment: Vec<(OsString, Option<OsString>)>,
    what: String,
    may_ask: bool,
}

/// What a program that succeeded wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Standard output, as it came.
    pub stdout: Vec<u8>,
    /// The last lines of standard error.
    pub stderr: Vec<String>,
}

impl Program {
    /// A program by name (found in PATH) or path. `what` is how errors call it: `docker build`.
    pub fn new(name: impl Into<OsString>, what: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            arguments: Vec::new(),
            directory: None,
            environment: Vec::new(),
            what: what.into(),
            may_ask: false,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Runs it in this directory.
    #[must_use]
    pub fn directory(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// Sets a variable of its environment, which is ours otherwise.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), Some(value.into())));
        self
    }

    /// Takes a variable out of its environment.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.environment.push((name.into(), None));
        self
    }

    /// Leaves the program in our process group, so that it may ask the user something on the terminal: the terminal
    /// stops background groups that read from it. Ctrl-C then reaches it directly, and its own children are its own.
    #[must_use]
    pub fn may_ask(mut self) -> Self {
        self.may_ask = true;
        self
    }

    /// Runs it to its end and gives what it wrote.
    pub async fn captured(&self) -> Result<Captured, ProcessError> {
        let mut running = self.start()?;
        let (stdout, stderr) = (running.child.stdout.take(), running.child.stderr.take());
        let read = async { tokio::try_join!(read_all(stdout), read_tail(stderr, &|_| ())) };
        let (stdout, stderr) = read.await.map_err(|source| self.output_error(source))?;
        self.ended(running.wait().await, &stderr)?;
        Ok(Captured { stdout, stderr: stderr.into() })
    }

    /// Runs it to its end; both its outputs are told line by line as they come.
    pub async fn lines(&self, tell: OnLine<'_>) -> Result<(), ProcessError> {
        let mut running = self.start()?;
        let (stdout, stderr) = (running.child.stdout.take(), running.child.stderr.take());
        let kept = std::sync::Mutex::new(VecDeque::new());
        let both = |line: &str| {
            if let Ok(mut kept) = kept.lock() {
                keep(&mut kept, line);
            }
            tell(line);
        };
        let read = async { tokio::try_join!(read_tail(stdout, &both), read_tail(stderr, &both)) };
        read.await.map_err(|source| self.output_error(source))?;
        let status = running.wait().await;
        self.ended(status, &kept.into_inner().unwrap_or_default())
    }

    /// Starts it with its standard output as a pipe, for a reader in a thread of its own. The pipe ends early if the
    /// other half is dropped; only [`Streaming::finish`] says whether what was read is all.
    pub fn streaming(&self) -> Result<(File, Streaming), ProcessError> {
        let mut running = self.start()?;
        let stdout = running.child.stdout.take().ok_or_else(|| io::Error::other("there is no pipe"));
        let stdout = stdout.and_then(tokio::process::ChildStdout::into_owned_fd);
        let stdout = File::from(stdout.map_err(|source| self.output_error(source))?);
        let stderr = running.child.stderr.take();
        let stderr = tokio::spawn(async move { read_tail(stderr, &|_| ()).await });
        Ok((stdout, Streaming { program: self.clone(), running, stderr }))
    }

    fn start(&self) -> Result<Running, ProcessError> {
        let mut command = Command::new(&self.name);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        if !self.may_ask {
            command.process_group(0);
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let child = command.spawn().map_err(|source| self.start_error(source))?;
        Ok(Running { child, own_group: !self.may_ask })
    }

    fn start_error(&self, source: io::Error) -> ProcessError {
        let what = self.what.clone();
        match (&self.directory, source.kind()) {
            // The system has one error for both, and blaming the program for a missing directory would mislead.
            (Some(directory), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) if !directory.is_dir() => {
                ProcessError::NoDirectory { what, directory: directory.clone() }
            }
            (_, io::ErrorKind::NotFound) => {
                ProcessError::NotFound { program: self.name.to_string_lossy().into_owned() }
            }
            _ => ProcessError::Start { what, source },
        }
    }

    fn output_error(&self, source: io::Error) -> ProcessError {
        ProcessError::Output { what: self.what.clone(), source }
    }

    fn ended(&self, status: io::Result<ExitStatus>, lines: &VecDeque<String>) -> Result<(), ProcessError> {
        let status = status.map_err(|source| self.output_error(source))?;
        if status.success() {
            return Ok(());
        }
        let lines = lines.iter().cloned().collect();
        Err(ProcessError::Failed { what: self.what.clone(), code: status.code(), lines })
    }
}

/// A program whose output is being read elsewhere. Dropping it kills the program.
#[derive(Debug)]
pub struct Streaming {
    program: Program,
    running: Running,
    stderr: JoinHandle<io::Result<VecDeque<String>>>,
}

impl Streaming {
    /// Waits for its end.
    pub async fn finish(mut self) -> Result<(), ProcessError> {
        let status = self.running.wait().await;
        let stderr = (&mut self.stderr).await.map_err(io::Error::other).and_then(|lines| lines);
        self.program.ended(status, &stderr.map_err(|source| self.program.output_error(source))?)
    }
}

/// A started program. tokio kills the program itself on drop; what it started dies with its process group.
#[derive(Debug)]
struct Running {
    child: Child,
    own_group: bool,
}

impl Running {
    async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // No ID: it has ended and was waited for, and the number may belong to another by now.
        let group = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let (true, Some(group)) = (self.own_group, group) {
            // It may just have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn read_all(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// Reads lines to the end, tells each and keeps the last. What overwrote itself with carriage returns (progress bars)
/// counts as its last state.
async fn read_tail(
    pipe: Option<impl AsyncRead + Unpin>,
    tell: &(dyn Fn(&str) + Send + Sync),
) -> io::Result<VecDeque<String>> {
    let mut kept = VecDeque::new();
    let Some(pipe) = pipe else { return Ok(kept) };
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).await? > 0 {
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches(['\n', '\r']);
        let line = text.rsplit('\r').next().unwrap_or(text);
        tell(line);
        keep(&mut kept, line);
        bytes.clear();
    }
    Ok(kept)
}

fn keep(kept: &mut VecDeque<String>, line: &str) {
    if kept.len() == LINES_KEPT {
        kept.pop_front();
    }
    kept.push_back(line.to_owned());
}
