//! A run of `ship`, from its start to its end: what it said so far, signals on the way, and what it came to.

use std::io::{Read, Write as _};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};

use super::{text, until};

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; -1 after a signal.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard output, byte for byte.
    pub(crate) bytes: Vec<u8>,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Ran {
    fn from(output: Output) -> Self {
        let code = output.status.code().unwrap_or(-1);
        Self { code, stdout: text(&output.stdout), bytes: output.stdout, stderr: text(&output.stderr) }
    }

    /// Panics unless the exit code is as expected.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(self.code, code, "the exit code\nstdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    /// Panics unless it succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.exits(0)
    }

    /// Panics unless standard error has this text.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "`{words}` is not in standard error:\n{}", self.stderr);
        self
    }

    /// Panics unless standard output has this text.
    #[track_caller]
    pub(crate) fn prints(self, words: &str) -> Self {
        assert!(self.stdout.contains(words), "`{words}` is not in standard output:\n{}", self.stdout);
        self
    }

    /// Whether either stream has this text.
    pub(crate) fn says_anywhere(&self, words: &str) -> bool {
        self.stdout.contains(words) || self.stderr.contains(words)
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in:\n{}", self.stdout))
    }
}

/// A run that goes on.
pub(crate) struct Running {
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

/// What came out of a stream so far, and who reads it.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Stream {
    fn of(mut source: impl Read + Send + 'static) -> Self {
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let sink = Arc::clone(&bytes);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 16384];
            while let Ok(count @ 1..) = source.read(&mut buffer) {
                sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
            }
        });
        Self { bytes, reader }
    }

    fn so_far(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn all(self) -> Vec<u8> {
        self.reader.join().unwrap();
        std::mem::take(&mut self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Running {
    /// Starts a command, with bytes for its standard input.
    pub(crate) fn start(command: &mut Command, input: Option<Vec<u8>>) -> Self {
        let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            std::thread::spawn(move || {
                // The command may end before it has read everything.
                let _ = stdin.write_all(&input);
            });
        }
        let stdout = Stream::of(child.stdout.take().unwrap());
        let stderr = Stream::of(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// Everything that was said so far.
    pub(crate) fn so_far(&self) -> String {
        text(&self.stdout.so_far()) + &text(&self.stderr.so_far())
    }

    /// Waits until something is said; the run must not end before.
    #[track_caller]
    pub(crate) fn until_says(&mut self, words: &str) {
        until(&format!("`{words}`"), || {
            // In this order: what was said before the end must be seen.
            let over = self.child.try_wait().unwrap().is_some();
            let said = self.so_far();
            assert!(!over || said.contains(words), "it ended before it said `{words}`:\n{said}");
            said.contains(words)
        });
    }

    /// Waits until a run with `--json` begins an action with these words on a host.
    #[track_caller]
    pub(crate) fn until_begins(&mut self, host: &str, words: &str) {
        until(&format!("the action `{words}` on {host}"), || {
            let over = self.child.try_wait().unwrap().is_some();
            let said = text(&self.stdout.so_far());
            let begun = said.lines().any(|line| begins(line, host, words));
            assert!(!over || begun, "it ended before `{words}` on {host} began:\n{}", self.so_far());
            begun
        });
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end.
    #[must_use = "look at the exit code"]
    #[track_caller]
    pub(crate) fn end(mut self) -> Ran {
        let mut status = None;
        until("the end of ship", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        Ran::from(Output { status: status.unwrap(), stdout: self.stdout.all(), stderr: self.stderr.all() })
    }
}

fn begins(line: &str, host: &str, words: &str) -> bool {
    let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else { return false };
    event["kind"] == "step-started"
        && event["host"] == host
        && event["words"].as_str().is_some_and(|known| known.contains(words))
}
