//! Whether the key that a host shows is its own: decided by the pinned fingerprint of `ship.toml`, else by
//! `known_hosts`, else by a person. The handshake never waits for a person: an unknown key ends it, and it is done again
//! once the answer is known, because servers give a login only a minute or two.

use std::path::PathBuf;

use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};

use super::access::{Access, HostKeyAnswer, HostKeyQuestion};
use super::known_hosts::{self, KnownHostsFile, Recorded, Verdict, fingerprint};
use super::ssh_config::{Target, Unknown};
use crate::diagnostic::Hint;

/// Kinds of host keys, most wanted first. `ssh-rsa` with SHA-1 is left out, as OpenSSH does since 8.8.
const KINDS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// Why a host's key was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostKeyError {
    /// Another key is on record. Someone may be in the middle, or the server was set up again.
    #[error(
        "its host key has changed: it shows {shown}, but {}:{line} has {recorded}",
        path.display()
    )]
    Changed {
        /// The fingerprint that it shows.
        shown: String,
        /// The fingerprint on record.
        recorded: String,
        /// The file on record.
        path: PathBuf,
        /// The line in it.
        line: usize,
        /// The name under which it stands there.
        name: String,
    },
    /// The key is marked as stolen.
    #[error("its host key {shown} is revoked by {}:{line}", path.display())]
    Revoked {
        /// The fingerprint that it shows.
        shown: String,
        /// The file that says so.
        path: PathBuf,
        /// The line in it.
        line: usize,
    },
    /// `ship.toml` has another fingerprint.
    #[error("its host key is {}, but ship.toml says {pinned}", shown.join(" and "))]
    NotPinned {
        /// The fingerprints of all keys that it has.
        shown: Vec<String>,
        /// What `ship.toml` says.
        pinned: String,
    },
    /// Nobody knows the key, and nobody was there to ask.
    #[error("its host key {shown} ({kind}) is not known, and there is no terminal to ask on")]
    Unknown {
        /// The fingerprint that it shows.
        shown: String,
        /// `ED25519`.
        kind: String,
    },
    /// The person said no, or `StrictHostKeyChecking yes` did.
    #[error("its host key {shown} was not accepted")]
    Declined {
        /// The fingerprint that it shows.
        shown: String,
    },
}

impl Hint for HostKeyError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Changed { path, name, .. } => vec![format!(
                "if you know that the server was set up again: ssh-keygen -R '{name}' -f {}",
                path.display()
            )],
            Self::Unknown { shown, .. } => vec![
                format!("if you know that this is its fingerprint, put it into ship.toml: fingerprint = \"{shown}\""),
                "or run ship once in a terminal and answer its question".to_owned(),
            ],
            Self::NotPinned { .. } => vec!["check `fingerprint` of this host in ship.toml".to_owned()],
            Self::Revoked { .. } | Self::Declined { .. } => Vec::new(),
        }
    }
}

/// What the rule says of a key.
#[derive(Debug, Clone)]
pub(super) enum Judgement {
    Trusted,
    Unknown,
    NotPinned,
    Changed(Recorded),
    Revoked(Recorded),
}

/// What decides about the key of one host.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    files: Vec<KnownHostsFile>,
    name: String,
    port: u16,
    pin: Option<String>,
    /// The person said yes to this one.
    accepted: Option<String>,
    /// Keys of these kinds are not the pinned one.
    seen: Vec<PublicKey>,
}

impl Rule {
    pub(super) fn load(target: &Target) -> Self {
        let paths: Vec<PathBuf> = target.known_hosts.iter().chain(&target.global_known_hosts).cloned().collect();
        Self {
            files: known_hosts::read(&paths),
            name: target.key_name.clone(),
            port: target.port,
            pin: target.fingerprint.as_deref().map(normal),
            accepted: None,
            seen: Vec::new(),
        }
    }

    pub(super) fn judge(&self, key: &PublicKey) -> Judgement {
        let shown = fingerprint(key);
        if let Some(pin) = &self.pin {
            return if *pin == shown { Judgement::Trusted } else { Judgement::NotPinned };
        }
        if self.accepted.as_ref() == Some(&shown) {
            return Judgement::Trusted;
        }
        match known_hosts::look_up(&self.files, &self.name, self.port, key) {
            Verdict::Known => Judgement::Trusted,
            Verdict::Unknown => Judgement::Unknown,
            Verdict::Changed(recorded) => Judgement::Changed(recorded),
            Verdict::Revoked(recorded) => Judgement::Revoked(recorded),
        }
    }

    /// The kinds to ask the server for: those on record first.
    pub(super) fn kinds(&self) -> Vec<Algorithm> {
        let same = |one: &Algorithm, other: &Algorithm| match (one, other) {
            (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
            _ => one == other,
        };
        let known = known_hosts::algorithms(&self.files, &self.name, self.port);
        let is_known = |kind: &&Algorithm| known.iter().any(|known| same(known, kind));
        let first = KINDS.iter().filter(is_known);
        let rest = KINDS.iter().filter(|kind| !is_known(kind));
        let tried = |kind: &&Algorithm| self.seen.iter().any(|key| same(&key.algorithm(), kind));
        first.chain(rest).filter(|kind| !tried(kind)).cloned().collect()
    }

    /// The server has no more kinds of keys: none of those seen is the pinned one.
    pub(super) fn not_pinned(&self) -> Option<HostKeyError> {
        let pinned = self.pin.clone()?;
        let shown: Vec<String> = self.seen.iter().map(fingerprint).collect();
        (!shown.is_empty()).then_some(HostKeyError::NotPinned { shown, pinned })
    }

    /// What follows from a judgement: the handshake may be done again, or the host is refused.
    pub(super) async fn settle(
        &mut self,
        access: &Access,
        target: &Target,
        key: PublicKey,
        judgement: Judgement,
    ) -> Result<(), HostKeyError> {
        let shown = fingerprint(&key);
        match judgement {
            Judgement::Trusted => Ok(()),
            Judgement::NotPinned => {
                self.seen.push(key);
                Ok(())
            }
            Judgement::Changed(Recorded { path, line, key }) => {
                let name = known_hosts::recorded_name(&self.name, self.port);
                Err(HostKeyError::Changed { shown, recorded: fingerprint(&key), path, line, name })
            }
            Judgement::Revoked(Recorded { path, line, .. }) => Err(HostKeyError::Revoked { shown, path, line }),
            Judgement::Unknown => {
                ask(access, target, &key).await?;
                self.remember(target, &key);
                self.accepted = Some(shown);
                Ok(())
            }
        }
    }

    /// A key that cannot be remembered is asked about again the next time, which is no reason to stop now.
    fn remember(&self, target: &Target, key: &PublicKey) {
        let line = known_hosts::line(&self.name, self.port, key, target.hash_known_hosts);
        if let (Some(path), Ok(line)) = (target.known_hosts.first(), line) {
            let _ = known_hosts::append(path, &line);
        }
    }
}

async fn ask(access: &Access, target: &Target, key: &PublicKey) -> Result<(), HostKeyError> {
    let shown = fingerprint(key);
    let kind = kind(&key.algorithm());
    let answer = match target.unknown {
        Unknown::Accept => HostKeyAnswer::Yes,
        Unknown::Refuse => HostKeyAnswer::No,
        Unknown::Ask => {
            let question = HostKeyQuestion {
                host: target.to_string(),
                kind: kind.clone(),
                fingerprint: shown.clone(),
                remembered_in: target.known_hosts.first().cloned(),
            };
            access.questions.host_key(&question).await
        }
    };
    match answer {
        HostKeyAnswer::Yes => Ok(()),
        HostKeyAnswer::No => Err(HostKeyError::Declined { shown }),
        HostKeyAnswer::Nobody => Err(HostKeyError::Unknown { shown, kind }),
    }
}

/// `ED25519`, `ECDSA`, `RSA`, as `ssh` says it.
pub(super) fn kind(algorithm: &Algorithm) -> String {
    match algorithm {
        Algorithm::Ed25519 => "ED25519".to_owned(),
        Algorithm::Ecdsa { .. } => "ECDSA".to_owned(),
        Algorithm::Rsa { .. } => "RSA".to_owned(),
        other => other.as_str().to_owned(),
    }
}

/// A fingerprint as `ssh-keygen` prints it, whatever was left out or put behind it when it was copied.
fn normal(text: &str) -> String {
    let base64 = text.trim().trim_end_matches('=');
    if base64.starts_with("SHA256:") { base64.to_owned() } else { format!("SHA256:{base64}") }
}
