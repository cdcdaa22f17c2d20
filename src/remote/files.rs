//! What is read on a host without its lease, and the audit log, which needs none.

use std::collections::BTreeMap;
use std::time::Duration;

use super::command::Command;
use super::exec::{ExecError, ExecReason, Output};
use super::frames::{self, Contents};
use super::session::Session;

/// For a script that only reads or appends.
const LIMIT: Duration = Duration::from_secs(30);

/// What a host remembers of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The ledger's bytes; empty if there is none.
    pub ledger: Vec<u8>,
    /// `release.json` of each release, by the release's name.
    pub records: BTreeMap<String, Vec<u8>>,
    /// The holder of the lease, if someone holds it.
    pub held_by: Option<String>,
}

impl From<Contents> for State {
    fn from(contents: Contents) -> Self {
        let mut state = Self { held_by: contents.held_by, ..Self::default() };
        for (name, bytes) in contents.files {
            if name == "ledger.jsonl" {
                state.ledger = bytes;
            } else if let Some(release) =
                name.strip_prefix("releases/").and_then(|name| name.strip_suffix("/release.json"))
            {
                state.records.insert(release.to_owned(), bytes);
            }
        }
        state
    }
}

impl Session {
    /// What the host remembers of an app; nothing on a host that ship never saw. Needs no lease.
    pub async fn read_state(&self, root: &str, scope: &str) -> Result<State, ExecError> {
        let command = Command::State { root: root.to_owned(), scope: scope.to_owned() };
        self.read_contents(&command).await.map(State::from)
    }

    /// Those of the files that are there, by path.
    pub async fn read_files(&self, root: &str, paths: &[&str]) -> Result<BTreeMap<String, Vec<u8>>, ExecError> {
        let paths = paths.iter().map(|&path| path.to_owned()).collect();
        let command = Command::Read { root: root.to_owned(), paths };
        self.read_contents(&command).await.map(|contents| contents.files)
    }

    /// One file, if it is there.
    pub async fn read_file(&self, root: &str, path: &str) -> Result<Option<Vec<u8>>, ExecError> {
        self.read_files(root, &[path]).await.map(|mut files| files.remove(path))
    }

    /// Appends a line to the app's audit log and waits until it is on the disk.
    pub async fn append_audit(&self, root: &str, scope: &str, line: &str) -> Result<(), ExecError> {
        let command = Command::Audit { root: root.to_owned(), scope: scope.to_owned() };
        let input = format!("{}\n", one_line(line));
        let output = self.run(&command, input.as_bytes(), LIMIT).await?;
        self.contents(&command, &output).await.map(drop)
    }

    async fn read_contents(&self, command: &Command) -> Result<Contents, ExecError> {
        let output = self.run(command, b"", LIMIT).await?;
        self.contents(command, &output).await
    }

    async fn contents(&self, command: &Command, output: &Output) -> Result<Contents, ExecError> {
        let failed = |reason| ExecError { host: self.host().clone(), doing: command.words(), reason };
        let mut bytes = output.stdout.as_slice();
        frames::contents(&mut bytes).await.map_err(|error| {
            failed(match output.last_words() {
                words if words.is_empty() => ExecReason::Nonsense(error.to_string()),
                words => ExecReason::Failed(words),
            })
        })
    }
}

/// A text as a line of a file: line breaks would make two of it.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
