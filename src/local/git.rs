//! What the working tree is, in the words of git. A release is made of the working tree as it is, with or without
//! git, so nothing here can fail a deploy: what cannot be known is left out, and the reason is told.

use std::ffi::OsString;
use std::path::Path;

use crate::local::process::{Captured, ProcessError, Program};
use crate::release::Source;

/// What git knows, and what is worth telling if it could not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Where the release comes from.
    pub source: Source,
    /// Why the commit is not known, where that would surprise: git refuses to read this repository. With a hint.
    pub note: Option<String>,
}

/// Git as it is installed.
#[derive(Debug, Clone)]
pub struct Git {
    program: OsString,
}

impl Default for Git {
    fn default() -> Self {
        Self::new("git")
    }
}

impl Git {
    /// Git by name or path.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self { program: program.into() }
    }

    /// Looks at the repository that `directory` is in. Changes elsewhere in it do not make the release dirty.
    pub async fn look(&self, directory: &Path, by: String) -> Look {
        let status = self.command("git status", directory).args([
            "status",
            "--porcelain=v2",
            "--branch",
            "-z",
            "--untracked-files=normal",
            "--",
            ".",
        ]);
        let log = self.command("git log", directory).args(["log", "-1", "--no-show-signature", "--format=%s"]);
        let (status, log) = tokio::join!(status.captured(), log.captured());
        match status {
            Ok(status) => Look { source: parse(&status, log.ok().as_ref(), by), note: None },
            Err(error) => Look { source: Source { by, ..Source::default() }, note: surprising(&error) },
        }
    }

    fn command(&self, what: &str, directory: &Path) -> Program {
        // In a git hook these point to the hook's repository, wherever ship is told to look. Optional locks would
        // disturb a git that runs beside us.
        let repository = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"];
        let program = Program::new(&self.program, what).directory(directory);
        let program = repository.iter().fold(program, |program, name| program.without_env(name));
        program.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0")
    }
}

/// Reads `git status --porcelain=v2 --branch -z`: headers begin with `#`, everything else is a change.
fn parse(status: &Captured, log: Option<&Captured>, by: String) -> Source {
    let text = String::from_utf8_lossy(&status.stdout);
    let mut source = Source { by, ..Source::default() };
    for field in text.split('\0').filter(|field| !field.is_empty()) {
        match field.strip_prefix("# ") {
            Some(header) => match header.split_once(' ') {
                Some(("branch.oid", commit)) if commit != "(initial)" => source.commit = Some(commit.to_owned()),
                Some(("branch.head", branch)) if branch != "(detached)" => source.branch = Some(branch.to_owned()),
                _ => {}
            },
            None => source.dirty = true,
        }
    }
    let subject = log.map(|log| String::from_utf8_lossy(&log.stdout).trim().to_owned());
    source.subject = subject.filter(|subject| source.commit.is_some() && !subject.is_empty());
    source
}

/// No git and no repository are ways to live; a repository that git will not read is worth a word.
fn surprising(error: &ProcessError) -> Option<String> {
    let words = error.lines().join("\n");
    if words.contains("dubious ownership") || words.contains("unsafe repository") {
        // Git says the command to type, with the right directory.
        let command = error.lines().iter().map(|line| line.trim()).find(|line| line.starts_with("git config"));
        let fix = command.unwrap_or("git config --global --add safe.directory DIRECTORY");
        return Some(format!("the commit is not recorded: the repository belongs to another user; `{fix}` trusts it"));
    }
    let ordinary = matches!(error, ProcessError::NotFound { .. })
        || ["not a git repository", "must be run in a work tree"].iter().any(|known| words.contains(known));
    (!ordinary).then(|| format!("the commit is not recorded: {error}"))
}
