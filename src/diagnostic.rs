//! How a failure reaches the user: what, where, why, in what state the hosts are, and the next command to type.
//! Errors live where they happen; this is only the shape in which commands hand them to the screen.

use std::error::Error;
use std::fmt;

/// What an error advises: each hint is a command to type or a key to change.
pub trait Hint: Error {
    /// The advice, most useful first; empty where there is none.
    fn hints(&self) -> Vec<String> {
        Vec::new()
    }
}

/// How a command ended, as the exit code of `ship` (docs/configuration.md has the table).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 2: wrong usage or configuration.
    Usage,
    /// 3: failed, nothing was changed.
    Unchanged,
    /// 4: failed, the old release still serves.
    OldServes,
    /// 5: hosts disagree, a person must look.
    Disagree,
    /// 130: interrupted, after the undo (128 + SIGINT, as shells count).
    Interrupted,
    /// The exit code of a command that ran on behalf of the user (`ship exec`).
    Command(u8),
}

impl Exit {
    /// The number that the operating system is given.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 2,
            Self::Unchanged => 3,
            Self::OldServes => 4,
            Self::Disagree => 5,
            Self::Interrupted => 130,
            Self::Command(code) => code,
        }
    }
}

/// A failed command, ready to be shown.
#[derive(Debug)]
pub struct Failure {
    /// Decides the exit code.
    pub exit: Exit,
    /// One line: what failed, to what, where.
    pub what: String,
    /// The chain of reasons, outermost first, each said once.
    pub causes: Vec<String>,
    /// Lines quoted from the failed thing itself (a container's last output), already prefixed with their origin.
    pub output: Vec<String>,
    /// In what state each host is now; required after the lease was taken, empty before.
    pub state: Vec<String>,
    /// Commands to type or keys to change.
    pub hints: Vec<String>,
}

impl Failure {
    /// A failure from an error with its chain of sources.
    pub fn from_error(exit: Exit, error: &(dyn Error + 'static)) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        Self { exit, what: error.to_string(), causes, output: Vec::new(), state: Vec::new(), hints: Vec::new() }
    }

    /// A failure from an error that gives advice.
    pub fn from_hint(exit: Exit, error: &(impl Hint + 'static)) -> Self {
        Self { hints: error.hints(), ..Self::from_error(exit, error) }
    }

    /// A failure that is only a sentence.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), causes: Vec::new(), output: Vec::new(), state: Vec::new(), hints: Vec::new() }
    }

    /// Adds one hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    /// The first line only; `ui` draws the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}
