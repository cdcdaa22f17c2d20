//! What the one who runs ship has to reach hosts with: their SSH configuration, their keys, and themselves, to be asked
//! what no file answers. One value for all hosts, so that nothing is asked twice.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use russh::keys::PrivateKey;
use zeroize::Zeroizing;

use super::pattern;
use super::ssh_config::{LocalUser, Source, SshConfig, SshConfigError, Target};
use crate::config;

/// A host key that nobody knows yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKeyQuestion {
    /// The host: `web-1 (203.0.113.7)`.
    pub host: String,
    /// `ED25519`, as `ssh` calls it.
    pub kind: String,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// Where a yes is remembered.
    pub remembered_in: Option<PathBuf>,
}

/// An answer to a [`HostKeyQuestion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyAnswer {
    /// It is the right one.
    Yes,
    /// It is not.
    No,
    /// There is nobody to ask.
    Nobody,
}

/// Someone who can be asked. Hosts are reached at the same time: whoever implements this asks one thing after another.
#[async_trait]
pub trait Questions: Send + Sync {
    /// Is this the host's key?
    async fn host_key(&self, question: &HostKeyQuestion) -> HostKeyAnswer;
    /// The passphrase of a key file; `None` if there is nobody to ask, or who was asked gave none. `again` counts the
    /// wrong ones so far.
    async fn passphrase(&self, key: &Path, again: u32) -> Option<Zeroizing<String>>;
}

/// Nobody to ask: no terminal.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

#[async_trait]
impl Questions for Nobody {
    async fn host_key(&self, _: &HostKeyQuestion) -> HostKeyAnswer {
        HostKeyAnswer::Nobody
    }
    async fn passphrase(&self, _: &Path, _: u32) -> Option<Zeroizing<String>> {
        None
    }
}

/// What there is to reach hosts with.
pub struct Access {
    user: LocalUser,
    sources: Vec<Source>,
    pub(super) questions: Arc<dyn Questions>,
    unlocked: Mutex<HashMap<PathBuf, Arc<PrivateKey>>>,
    /// One passphrase is asked at a time, or two hosts that need the same key would both ask for it.
    pub(super) unlocking: tokio::sync::Mutex<()>,
}

impl Access {
    /// Reads `~/.ssh/config` and `/etc/ssh/ssh_config`.
    pub fn load(user: LocalUser, questions: Arc<dyn Questions>) -> Self {
        let paths = [user.home.join(".ssh/config"), PathBuf::from("/etc/ssh/ssh_config")];
        let sources = paths.iter().filter_map(|path| source(path)).collect();
        Self::with_sources(user, sources, questions)
    }

    /// With configuration from elsewhere.
    pub fn with_sources(user: LocalUser, sources: Vec<Source>, questions: Arc<dyn Questions>) -> Self {
        let unlocking = tokio::sync::Mutex::new(());
        Self { user, sources, questions, unlocked: Mutex::default(), unlocking }
    }

    /// The servers to go through to a host, the host itself last.
    pub fn route(&self, host: &config::Host) -> Result<Vec<Target>, SshConfigError> {
        let home = &self.user.home;
        let include = |written: &str, start: &Path| included(written, start, home);
        SshConfig { sources: &self.sources, include: &include, user: &self.user }.route(host)
    }

    pub(super) fn unlocked(&self, path: &Path) -> Option<Arc<PrivateKey>> {
        self.unlocked.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    pub(super) fn unlock(&self, path: &Path, key: Arc<PrivateKey>) {
        self.unlocked.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), key);
    }
}

fn source(path: &Path) -> Option<Source> {
    let bytes = fs::read(path).ok()?;
    Some(Source { path: path.to_owned(), text: String::from_utf8_lossy(&bytes).into_owned() })
}

/// The files of an `Include` line, in the order of their names.
fn included(written: &str, start: &Path, home: &Path) -> Vec<Source> {
    let path = match written.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => start.join(written),
    };
    let mut found = vec![PathBuf::new()];
    for part in &path {
        let name = part.to_string_lossy();
        found = if name.contains(['*', '?']) {
            found.iter().flat_map(|directory| entries_like(directory, &name)).collect()
        } else {
            found.iter().map(|directory| directory.join(part)).collect()
        };
    }
    found.iter().filter_map(|path| source(path)).collect()
}

fn entries_like(directory: &Path, wanted: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let fits = |name: &str| pattern::matches(wanted, name) && (wanted.starts_with('.') || !name.starts_with('.'));
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.retain(|name| fits(&name.to_string_lossy()));
    names.sort();
    names.iter().map(|name| directory.join(name)).collect()
}
