//! What a host remembers of an app: the port [`Archive`](crate::ports::Archive) on ship's directory there, and the
//! lease as the only way to change it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::command::ROOT;
use super::exec::{ExecError, ExecReason};
use super::files::State;
use super::lease::{Lease, LeaseError, LeaseReason};
use super::session::{OpenError, Session};
use crate::diagnostic::Hint;
use crate::name::{HostName, ReleaseNumber, Scope};
use crate::ports::{self, Archive, Memory, OnLine, PortError, PortErrorKind, PortResult};
use crate::release::{Release, Secrets};

/// Nobody but the owner of ship's directory reads what is in it.
const MODE: &str = "600";

/// A file in ship's directory that is not what ship wrote.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be understood")]
struct Damaged {
    path: String,
    #[source]
    source: serde_json::Error,
}

/// The archive of one host.
pub struct HostArchive {
    session: Session,
    root: String,
}

impl HostArchive {
    /// Ship's directory, reached over a connection.
    pub fn new(session: Session) -> Self {
        Self { session, root: ROOT.to_owned() }
    }

    /// The same in another directory.
    #[must_use]
    pub fn at(mut self, root: &str) -> Self {
        root.clone_into(&mut self.root);
        self
    }

    fn path(&self, scope: &Scope, file: &str) -> String {
        format!("{}/apps/{scope}/{file}", self.root)
    }
}

#[async_trait]
impl Archive for HostArchive {
    async fn read(&self, scope: &Scope) -> PortResult<Memory> {
        let state = self.session.read_state(&self.root, &scope.to_string()).await.map_err(exec_error)?;
        memory(state, scope, self.session.host())
    }

    async fn lease(
        &self,
        scope: &Scope,
        holder: &str,
        wait: Duration,
        busy: OnLine<'_>,
    ) -> PortResult<(Arc<dyn ports::Lease>, Memory)> {
        let place = (self.root.as_str(), scope.to_string());
        let (lease, state) =
            Lease::wait(&self.session, (place.0, &place.1), holder, wait, busy).await.map_err(lease_error)?;
        let memory = memory(state, scope, self.session.host())?;
        Ok((Arc::new(HostLease { lease, host: self.session.host().clone() }), memory))
    }

    async fn secrets(&self, scope: &Scope, release: ReleaseNumber) -> PortResult<Secrets> {
        let path = self.path(scope, &secrets_file(release));
        let found = self.session.read_file(&self.root, &path).await.map_err(exec_error)?;
        secrets_of(found, release, self.session.host())
    }

    async fn append_audit(&self, scope: &Scope, line: &str) -> PortResult<()> {
        self.session.append_audit(&self.root, &scope.to_string(), line).await.map_err(exec_error)
    }

    async fn audit(&self, scope: &Scope) -> PortResult<String> {
        // The one that was put aside when it was full comes first.
        let paths = [self.path(scope, "audit.jsonl.1"), self.path(scope, "audit.jsonl")];
        let files = self.session.read_files(&self.root, &[&paths[0], &paths[1]]).await.map_err(exec_error)?;
        let parts = paths.iter().filter_map(|path| files.get(path));
        Ok(parts.map(|part| String::from_utf8_lossy(part)).collect())
    }
}

/// A lease that is held on one host.
struct HostLease {
    lease: Lease,
    host: HostName,
}

#[async_trait]
impl ports::Lease for HostLease {
    async fn append(&self, lines: &[String]) -> PortResult<()> {
        self.lease.append(lines).await.map_err(lease_error)
    }

    async fn ledger(&self) -> PortResult<Vec<u8>> {
        let found = self.lease.get("ledger.jsonl").await.map_err(lease_error)?;
        Ok(found.unwrap_or_default())
    }

    async fn cut_ledger(&self, length: u64) -> PortResult<()> {
        self.lease.cut_ledger(length).await.map_err(lease_error)
    }

    async fn record(&self, release: &Release, secrets: &Secrets) -> PortResult<()> {
        let doing = || format!("record {} on {}", release.number, self.host);
        let record = serde_json::to_vec_pretty(release).map_err(|error| PortError::refused(doing(), error))?;
        let values: BTreeMap<&str, &str> = secrets.reveal().collect();
        let values = Zeroizing::new(serde_json::to_vec(&values).map_err(|error| PortError::refused(doing(), error))?);
        let (secrets_file, record_file) = (secrets_file(release.number), record_file(release.number));
        // Sent together, written in this order: where there is a record, there are its secrets.
        let (secrets, record) =
            tokio::join!(self.lease.put(&secrets_file, &values, MODE), self.lease.put(&record_file, &record, MODE));
        secrets.and(record).map_err(lease_error)
    }

    async fn secrets(&self, release: ReleaseNumber) -> PortResult<Secrets> {
        let found = self.lease.get(&secrets_file(release)).await.map_err(lease_error)?;
        secrets_of(found, release, &self.host)
    }

    async fn forget(&self, release: ReleaseNumber) -> PortResult<()> {
        self.lease.forget_release(&release.to_string()).await.map_err(lease_error)
    }

    async fn forget_app(&self) -> PortResult<()> {
        self.lease.forget_app().await.map_err(lease_error)
    }
}

fn secrets_file(release: ReleaseNumber) -> String {
    format!("releases/{release}/secrets")
}

fn record_file(release: ReleaseNumber) -> String {
    format!("releases/{release}/release.json")
}

fn memory(state: State, scope: &Scope, host: &HostName) -> PortResult<Memory> {
    let mut memory = Memory { ledger: state.ledger, records: Vec::new(), held_by: state.held_by };
    for (release, bytes) in state.records {
        let record = serde_json::from_slice(&bytes).map_err(|source| {
            let path = format!("{ROOT}/apps/{scope}/releases/{release}/release.json");
            PortError::refused(format!("read what {host} remembers of {scope}"), Damaged { path, source })
                .hint("use the newest ship, or remove that file: the release can then not be put back")
        })?;
        memory.records.push(record);
    }
    Ok(memory)
}

/// A release without secrets has a file too, so that a missing one is told from none.
fn secrets_of(found: Option<Vec<u8>>, release: ReleaseNumber, host: &HostName) -> PortResult<Secrets> {
    let doing = || format!("read the secrets of {release} on {host}");
    let Some(bytes) = found.map(Zeroizing::new) else {
        return Err(PortError::refused(doing(), "they are not there any more").kind(PortErrorKind::Missing));
    };
    let values: BTreeMap<String, String> = serde_json::from_slice(&bytes)
        .map_err(|source| PortError::refused(doing(), Damaged { path: secrets_file(release), source }))?;
    let mut secrets = Secrets::new();
    for (name, value) in values {
        secrets.insert(name, value);
    }
    Ok(secrets)
}

fn exec_error(error: ExecError) -> PortError {
    let hints = error.hints();
    let doing = format!("{} on {}", error.doing, error.host);
    PortError { doing, kind: exec_kind(&error.reason), source: Some(Box::new(error.reason)), hints }
}

fn lease_error(error: LeaseError) -> PortError {
    let hints = error.hints();
    let doing = format!("{} on {}", error.doing, error.host);
    let kind = match &error.reason {
        LeaseReason::Busy { .. } => PortErrorKind::Conflict,
        LeaseReason::Lost(_) => PortErrorKind::Lost,
        reason if reason.is_disk_full() => PortErrorKind::DiskFull,
        LeaseReason::Refused(_) => PortErrorKind::Refused,
        LeaseReason::Exec(reason) => exec_kind(reason),
    };
    PortError { doing, kind, source: Some(Box::new(error.reason)), hints }
}

/// What a program's failure says about the host; also for what other modules run there.
pub(super) fn exec_kind(reason: &ExecReason) -> PortErrorKind {
    match reason {
        ExecReason::Lost(_) | ExecReason::TimedOut(_) | ExecReason::Open(OpenError::Lost(_) | OpenError::TimedOut) => {
            PortErrorKind::Lost
        }
        ExecReason::Failed(text) if text.contains("No space left") => PortErrorKind::DiskFull,
        ExecReason::Open(_) | ExecReason::NotAllowed | ExecReason::Failed(_) | ExecReason::Nonsense(_) => {
            PortErrorKind::Refused
        }
    }
}
