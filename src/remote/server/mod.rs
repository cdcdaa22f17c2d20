//! A server's operating system: the port of setup, as programs that run on it. Each look and each step is one exec.

mod facts;
mod script;

use std::sync::Mutex;

use async_trait::async_trait;

use crate::name::HostName;
use crate::plan::setup::{AccountName, ServerFacts, SetupStep};
use crate::ports::{OnLine, PortError, PortErrorKind, PortResult, Server};

pub use facts::Unreadable;
pub use script::Program;

/// Runs programs on a host.
#[async_trait]
pub trait Shell: Send + Sync {
    /// Runs a program to its end, tells the lines of its standard output and error as they come, and answers its exit
    /// code.
    async fn run(&self, program: Program, tell: OnLine<'_>) -> PortResult<u32>;
}

/// A server, through a shell on it.
pub struct RemoteServer<S> {
    host: HostName,
    shell: S,
}

/// A program that ended with another code than 0.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{line}")]
    Saying { line: String },
    #[error("it ended with code {code} and said nothing")]
    Silent { code: u32 },
}

impl<S: Shell> RemoteServer<S> {
    /// The server that the shell runs on.
    pub fn new(host: HostName, shell: S) -> Self {
        Self { host, shell }
    }
}

#[async_trait]
impl<S: Shell> Server for RemoteServer<S> {
    async fn facts(&self, user: &AccountName) -> PortResult<ServerFacts> {
        let doing = || format!("look at {}", self.host);
        let output = Mutex::new(String::new());
        let keep = |line: &str| {
            if let Ok(mut output) = output.lock() {
                output.push_str(line);
                output.push('\n');
            }
        };
        self.shell.run(script::look(user), &keep).await?;
        let output = output.into_inner().unwrap_or_default();
        facts::read(&output).map_err(|error| PortError::refused(doing(), error))
    }

    async fn perform(&self, step: &SetupStep, tell: OnLine<'_>) -> PortResult<()> {
        let said = Mutex::new(Reason::default());
        let keep = |line: &str| {
            if let Ok(mut said) = said.lock() {
                said.hear(line);
            }
            tell(line);
        };
        let code = self.shell.run(script::step(step), &keep).await?;
        if code == 0 {
            return Ok(());
        }
        let Reason { line, disk_full, .. } = said.into_inner().unwrap_or_default();
        let ended = line.map_or(Ended::Silent { code }, |line| Ended::Saying { line });
        let mut error = PortError::refused(format!("{step} on {}", self.host), ended);
        if matches!(step, SetupStep::Install { .. }) {
            error = error.hint("on the server: less /var/log/ship-setup.log (all that apt said)");
        }
        Err(if disk_full { error.kind(PortErrorKind::DiskFull) } else { error })
    }
}

/// The line of an output that says best why a program failed: apt's first error, else the last line.
#[derive(Default)]
struct Reason {
    line: Option<String>,
    is_error: bool,
    disk_full: bool,
}

impl Reason {
    fn hear(&mut self, line: &str) {
        self.disk_full |= line.contains("No space left on device");
        let is_error = line.starts_with("E: ");
        if !line.trim().is_empty() && !self.is_error {
            self.line = Some(line.trim_start_matches("E: ").to_owned());
            self.is_error = is_error;
        }
    }
}
