//! Secrets, from where the user keeps them. A value goes into [`Secrets`] and nowhere else: no error, no log line and
//! no command line has one.
//!
//! Files and commands: one newline at the end (`\n` or `\r\n`) is dropped, because editors and programs add it and no
//! secret means it. Everything else stays, byte for byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use futures_util::future::join_all;
use zeroize::Zeroizing;

use crate::config::SecretSource;
use crate::diagnostic::Hint;
use crate::local::person::Lookup;
use crate::local::process::{ProcessError, Program};
use crate::release::{Secrets, TLS_KEY};

/// One secret that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("secret {name}: {problem}")]
pub struct SecretError {
    /// The secret.
    pub name: String,
    /// What is wrong.
    pub problem: SecretProblem,
}

/// What is wrong with the source of a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretProblem {
    /// The file cannot be read.
    #[error("read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason. It is part of the sentence, because all secrets' problems are told together.
        source: io::Error,
    },
    /// The variable is not set.
    #[error("environment variable {0} is not set")]
    Unset(String),
    /// The command failed. What it wrote to standard error is shown, its standard output never.
    #[error("command {0}")]
    Command(ProcessError),
    /// There is nothing in it.
    #[error("{} is empty", words(.0))]
    Empty(SecretSource),
    /// It cannot be an environment variable.
    #[error("{} is not text: a secret must be UTF-8 without zero bytes", words(.0))]
    NotText(SecretSource),
}

/// All secrets that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("{}", list(problems))]
pub struct SecretsError {
    /// One for each, in order of the names; never empty.
    pub problems: Vec<SecretError>,
}

fn list(problems: &[SecretError]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl SecretsError {
    /// What the failed commands wrote to standard error, each line with the name of its secret.
    pub fn output(&self) -> Vec<String> {
        let commands = self.problems.iter().filter_map(|error| match &error.problem {
            SecretProblem::Command(process) => Some((&error.name, process)),
            _ => None,
        });
        commands
            .flat_map(|(name, process)| process.lines().iter().map(move |line| format!("{name} | {line}")))
            .collect()
    }
}

impl Hint for SecretsError {
    fn hints(&self) -> Vec<String> {
        let hint = |error: &SecretError| match &error.problem {
            SecretProblem::Unset(variable) => Some(format!("export {variable}=…")),
            SecretProblem::File { path, .. } => {
                let key =
                    if error.name == TLS_KEY { "proxy.tls.key".to_owned() } else { format!("secrets.{}", error.name) };
                Some(format!("write {}, or change `{key}` in ship.toml", path.display()))
            }
            SecretProblem::Command(process) => process.hints().into_iter().next(),
            SecretProblem::Empty(_) => Some("a variable that is meant to be empty belongs under [env]".to_owned()),
            SecretProblem::NotText(_) => None,
        };
        self.problems.iter().filter_map(hint).collect()
    }
}

/// A source as an error names it.
fn words(source: &SecretSource) -> String {
    match source {
        SecretSource::File(path) => format!("file {}", path.display()),
        SecretSource::Env(name) => format!("environment variable {name}"),
        SecretSource::Command(command) => format!("the output of `{}`", command.join(" ")),
    }
}

/// Fetches all values. Commands may ask the user for something (a password manager that is locked), so the first one
/// runs alone; the others follow at the same time.
pub async fn resolve(
    sources: &BTreeMap<String, SecretSource>,
    project: &Path,
    environment: Lookup<'_>,
) -> Result<Secrets, SecretsError> {
    let (commands, others): (Vec<_>, Vec<_>) =
        sources.iter().partition(|(_, source)| matches!(source, SecretSource::Command(_)));
    let mut found = Vec::new();
    for (name, source) in others {
        found.push((name, fetch(source, project, environment).await));
    }
    let mut commands = commands.into_iter();
    if let Some((name, source)) = commands.next() {
        found.push((name, fetch(source, project, environment).await));
    }
    let rest = commands.map(|(name, source)| async move { (name, fetch(source, project, environment).await) });
    found.extend(join_all(rest).await);
    sort(found)
}

/// The values if all are there, else every problem.
fn sort(found: Vec<(&String, Result<String, SecretProblem>)>) -> Result<Secrets, SecretsError> {
    let (mut secrets, mut problems) = (Secrets::new(), Vec::new());
    for (name, value) in found {
        match value {
            Ok(value) => secrets.insert(name.clone(), value),
            Err(problem) => problems.push(SecretError { name: name.clone(), problem }),
        }
    }
    problems.sort_by(|a, b| a.name.cmp(&b.name));
    if problems.is_empty() { Ok(secrets) } else { Err(SecretsError { problems }) }
}

async fn fetch(source: &SecretSource, project: &Path, environment: Lookup<'_>) -> Result<String, SecretProblem> {
    match source {
        SecretSource::File(path) => {
            let path = project.join(path);
            let bytes = fs::read(&path).map_err(|source| SecretProblem::File { path, source })?;
            text(without_newline(bytes), source)
        }
        SecretSource::Env(name) => match environment(name) {
            Some(value) => text(value.into_bytes(), source),
            None => Err(SecretProblem::Unset(name.clone())),
        },
        SecretSource::Command(command) => {
            let (program, arguments) = command.split_first().ok_or_else(|| SecretProblem::Empty(source.clone()))?;
            let program = Program::new(program, command.join(" ")).args(arguments).directory(project).may_ask();
            let captured = program.captured().await.map_err(SecretProblem::Command)?;
            text(without_newline(captured.stdout), source)
        }
    }
}

fn without_newline(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    bytes
}

/// An empty secret is a file that was not filled in or a command that found nothing; an app that wants an empty
/// variable can have it from `[env]`.
fn text(bytes: Vec<u8>, source: &SecretSource) -> Result<String, SecretProblem> {
    if bytes.is_empty() {
        return Err(SecretProblem::Empty(source.clone()));
    }
    if bytes.contains(&0) {
        return Err(SecretProblem::NotText(source.clone()));
    }
    String::from_utf8(bytes).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        SecretProblem::NotText(source.clone())
    })
}
