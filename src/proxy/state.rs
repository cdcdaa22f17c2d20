//! What survives a restart: `state.json`, and the one before as `state.json.1`. Written before traffic moves, decoded
//! service by service, so that damage to one never takes the others down. It holds private keys: mode 0600.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::control::{LastEvent, ServiceName, Switch};

/// The version of the file.
const VERSION: u32 = 1;

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct StateDocument {
    version: u32,
    generation: u64,
    /// Each one a [`ServiceRecord`], if it can be read.
    services: Vec<Value>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ServiceRecord {
    pub(super) service: ServiceName,
    pub(super) generation: u64,
    pub(super) active: Switch,
    #[serde(default)]
    pub(super) on_probation: bool,
    /// What the active release has replaced and could still be put back.
    #[serde(default)]
    pub(super) previous: Option<Switch>,
    #[serde(default)]
    pub(super) reverted: Option<u64>,
    #[serde(default)]
    pub(super) last_event: Option<LastEvent>,
}

/// What was found at the start.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) generation: u64,
    pub(super) services: Vec<ServiceRecord>,
    /// What could not be read; kept in the file for a person, or a newer version, to look at.
    pub(super) unreadable: Vec<Value>,
    /// What a person should know.
    pub(super) notes: Vec<String>,
}

/// Why the state was not written.
#[derive(Debug, thiserror::Error)]
#[error("write {path}")]
pub(super) struct SaveError {
    path: PathBuf,
    source: io::Error,
}

/// The state file.
#[derive(Debug, Clone)]
pub(super) struct StateFile {
    path: PathBuf,
    before: PathBuf,
}

impl StateFile {
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self { path: directory.join("state.json"), before: directory.join("state.json.1") }
    }

    /// Reads what can be read.
    pub(super) fn load(&self) -> Found {
        let mut notes = Vec::new();
        let newest = read(&self.path, &mut notes);
        let before = read(&self.before, &mut notes);
        let Some(document) = newest else {
            let Some(document) = before else { return Found { notes, ..Found::default() } };
            notes.push(format!("serving what {} says", self.before.display()));
            return decode(document, None, notes);
        };
        decode(document, before, notes)
    }

    /// Writes all of it, or nothing. When this returns it is on disk.
    pub(super) async fn save(
        &self,
        generation: u64,
        services: impl Iterator<Item = ServiceRecord>,
        unreadable: &[Value],
    ) -> Result<(), SaveError> {
        let failed = |source: io::Error| SaveError { path: self.path.clone(), source };
        let mut document = StateDocument { version: VERSION, generation, services: unreadable.to_vec() };
        for service in services {
            document.services.push(serde_json::to_value(service).map_err(|error| failed(error.into()))?);
        }
        let bytes = serde_json::to_vec_pretty(&document).map_err(|error| failed(error.into()))?;
        let this = self.clone();
        let written = tokio::task::spawn_blocking(move || this.write(&bytes)).await;
        written.map_err(io::Error::other).and_then(|written| written).map_err(failed)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let next = self.path.with_extension("json.new");
        // Left over from a crash; its mode would be kept.
        remove_if_there(&next)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        if self.path.exists() {
            // A second name for the file, so that there is no moment without a state.json.
            let link = self.path.with_extension("json.link");
            remove_if_there(&link)?;
            fs::hard_link(&self.path, &link)?;
            fs::rename(&link, &self.before)?;
        }
        fs::rename(&next, &self.path)?;
        match self.path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn read(path: &Path, notes: &mut Vec<String>) -> Option<StateDocument> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            notes.push(format!("{} cannot be read: {error}", path.display()));
            return None;
        }
    };
    match serde_json::from_slice(&bytes) {
        Ok(document) => Some(document),
        Err(error) => {
            notes.push(format!("{} is damaged: {error}", path.display()));
            None
        }
    }
}

/// A service that is damaged in the newest file is taken from the one before.
fn decode(document: StateDocument, before: Option<StateDocument>, notes: Vec<String>) -> Found {
    let mut found = Found { generation: document.generation, notes, ..Found::default() };
    let fallback = before.map(|before| before.services).unwrap_or_default();
    for value in document.services {
        let name = value.get("service").and_then(Value::as_str).unwrap_or("?").to_owned();
        match serde_json::from_value::<ServiceRecord>(value.clone()) {
            Ok(record) => found.services.push(record),
            Err(error) => {
                found.notes.push(format!("the state of {name} is damaged: {error}"));
                let named = fallback.iter().find(|older| older.get("service").and_then(Value::as_str) == Some(&name));
                match named.and_then(|older| serde_json::from_value(older.clone()).ok()) {
                    Some(record) => {
                        found.notes.push(format!("{name} is served as it was one change before"));
                        found.services.push(record);
                    }
                    None => found.unreadable.push(value),
                }
            }
        }
    }
    found
}
