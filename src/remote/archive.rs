//! The app's directory on a host, as the port of the effects: lease, ledger, records and secrets over SSH.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::command::ROOT;
use super::exec::{ExecError, ExecReason};
use super::files::State;
use super::lease::{Lease as HeldLease, LeaseError, LeaseReason};
use super::session::{OpenError, Session};
use crate::diagnostic::Hint as _;
use crate::name::{ReleaseNumber, Scope};
use crate::ports::{Archive, Lease, Memory, OnLine, PortError, PortErrorKind, PortResult};
use crate::release::{Release, Secrets};

/// Only the deploy user reads what a release ran with.
const MODE: &str = "600";

/// One host's directory.
pub struct HostArchive {
    session: Session,
    root: String,
}

impl HostArchive {
    /// The directory of the host at the other end.
    pub fn new(session: Session) -> Self {
        Self { session, root: ROOT.to_owned() }
    }

    /// The same in another directory than [`ROOT`].
    #[must_use]
    pub fn at(mut self, root: &str) -> Self {
        root.clone_into(&mut self.root);
        self
    }
}

#[async_trait]
impl Archive for HostArchive {
    async fn read(&self, scope: &Scope) -> PortResult<Memory> {
        let state = self.session.read_state(&self.root, &scope.to_string()).await.map_err(from_exec)?;
        memory(&self.session, state)
    }

    async fn lease(
        &self,
        scope: &Scope,
        holder: &str,
        wait: Duration,
        busy: OnLine<'_>,
    ) -> PortResult<(Arc<dyn Lease>, Memory)> {
        let name = scope.to_string();
        let (lease, state) = HeldLease::wait(&self.session, (self.root.as_str(), name.as_str()), holder, wait, busy)
            .await
            .map_err(from_lease)?;
        let memory = memory(&self.session, state)?;
        Ok((Arc::new(ScopeLease { lease, scope: name, session: self.session.clone() }), memory))
    }

    async fn secrets(&self, scope: &Scope, release: ReleaseNumber) -> PortResult<Secrets> {
        let path = format!("{}/apps/{scope}/{}", self.root, secrets_path(release));
        let bytes = self.session.read_file(&self.root, &path).await.map_err(from_exec)?;
        read_secrets(&self.session, release, bytes)
    }

    async fn append_audit(&self, scope: &Scope, line: &str) -> PortResult<()> {
        self.session.append_audit(&self.root, &scope.to_string(), line).await.map_err(from_exec)
    }

    async fn audit(&self, scope: &Scope) -> PortResult<String> {
        let directory = format!("{}/apps/{scope}", self.root);
        // Older lines were moved aside when the file had become long.
        let paths = [format!("{directory}/audit.jsonl.1"), format!("{directory}/audit.jsonl")];
        let files =
            self.session.read_files(&self.root, &[paths[0].as_str(), paths[1].as_str()]).await.map_err(from_exec)?;
        Ok(paths.iter().filter_map(|path| files.get(path)).map(|bytes| String::from_utf8_lossy(bytes)).collect())
    }
}

/// A lease that is held, with the app's directory.
struct ScopeLease {
    lease: HeldLease,
    scope: String,
    session: Session,
}

#[async_trait]
impl Lease for ScopeLease {
    async fn append(&self, lines: &[String]) -> PortResult<()> {
        self.lease.append(lines).await.map_err(from_lease)
    }

    async fn ledger(&self) -> PortResult<Vec<u8>> {
        Ok(self.lease.get("ledger.jsonl").await.map_err(from_lease)?.unwrap_or_default())
    }

    async fn cut_ledger(&self, length: u64) -> PortResult<()> {
        self.lease.cut_ledger(length).await.map_err(from_lease)
    }

    async fn record(&self, release: &Release, secrets: &Secrets) -> PortResult<()> {
        let doing = || format!("write the record of {} of {}", release.number, self.scope);
        let record = serde_json::to_vec(release).map_err(|error| PortError::refused(doing(), error))?;
        let values: serde_json::Map<String, serde_json::Value> =
            secrets.reveal().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let values =
            zeroize::Zeroizing::new(serde_json::to_vec(&values).map_err(|error| PortError::refused(doing(), error))?);
        // Sent together and written in this order: where there is a record, there are its secrets.
        let record_path = format!("releases/{}/release.json", release.number);
        let secrets_path = secrets_path(release.number);
        let (secrets, record) = futures_util::future::join(
            self.lease.put(&secrets_path, &values, MODE),
            self.lease.put(&record_path, &record, MODE),
        )
        .await;
        secrets.and(record).map_err(from_lease)
    }

    async fn secrets(&self, release: ReleaseNumber) -> PortResult<Secrets> {
        let bytes = self.lease.get(&secrets_path(release)).await.map_err(from_lease)?;
        read_secrets(&self.session, release, bytes)
    }

    async fn forget(&self, release: ReleaseNumber) -> PortResult<()> {
        self.lease.forget_release(&release.to_string()).await.map_err(from_lease)
    }

    async fn forget_app(&self) -> PortResult<()> {
        self.lease.forget_app().await.map_err(from_lease)
    }
}

fn secrets_path(release: ReleaseNumber) -> String {
    format!("releases/{release}/secrets")
}

fn memory(session: &Session, state: State) -> PortResult<Memory> {
    let mut records = Vec::with_capacity(state.records.len());
    for (name, bytes) in &state.records {
        let record = serde_json::from_slice(bytes).map_err(|error| {
            PortError::refused(format!("read the record of {name} on {}", session.host()), error)
                .hint(format!("docs/ledger.md says what releases/{name}/release.json must hold"))
        })?;
        records.push(record);
    }
    Ok(Memory { ledger: state.ledger, records, held_by: state.held_by })
}

fn read_secrets(session: &Session, release: ReleaseNumber, bytes: Option<Vec<u8>>) -> PortResult<Secrets> {
    let doing = || format!("read the secrets of {release} on {}", session.host());
    let bytes =
        zeroize::Zeroizing::new(bytes.ok_or_else(|| {
            PortError::refused(doing(), "the file is not there any more").kind(PortErrorKind::Missing)
        })?);
    let values: std::collections::BTreeMap<String, String> = serde_json::from_slice(&bytes)
        // What serde says could quote a value.
        .map_err(|_| PortError::refused(doing(), "the file was changed and cannot be understood"))?;
    let mut secrets = Secrets::new();
    for (name, value) in values {
        secrets.insert(name, value);
    }
    Ok(secrets)
}

/// An exec's failure as the effects see it.
pub(super) fn from_exec(error: ExecError) -> PortError {
    let hints = error.hints();
    let doing = format!("{} on {}", error.doing, error.host);
    PortError { doing, kind: exec_kind(&error.reason), source: Some(Box::new(error.reason)), hints }
}

fn from_lease(error: LeaseError) -> PortError {
    let hints = error.hints();
    let kind = match &error.reason {
        LeaseReason::Lost(_) => PortErrorKind::Lost,
        LeaseReason::Exec(reason) => exec_kind(reason),
        LeaseReason::Busy { .. } => PortErrorKind::Conflict,
        reason if reason.is_disk_full() => PortErrorKind::DiskFull,
        LeaseReason::Refused(_) => PortErrorKind::Refused,
    };
    let doing = format!("{} on {}", error.doing, error.host);
    PortError { doing, kind, source: Some(Box::new(error.reason)), hints }
}

/// A host that does not answer is as good as lost: what happened there is unknown.
fn exec_kind(reason: &ExecReason) -> PortErrorKind {
    match reason {
        ExecReason::Lost(_) | ExecReason::TimedOut(_) | ExecReason::Open(OpenError::Lost(_) | OpenError::TimedOut) => {
            PortErrorKind::Lost
        }
        ExecReason::Failed(said) if said.contains("No space left") => PortErrorKind::DiskFull,
        ExecReason::Open(_) | ExecReason::NotAllowed | ExecReason::Failed(_) | ExecReason::Nonsense(_) => {
            PortErrorKind::Refused
        }
    }
}
