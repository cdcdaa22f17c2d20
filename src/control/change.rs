//! What moves traffic: switch, confirm, revert, and their answers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::{ReleaseNumber, RoleName};

/// Move a service to a release, after all of its targets passed their health checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Switch {
    /// The release that shall serve.
    pub release: ReleaseNumber,
    /// The role whose replicas the targets are; only shown.
    #[serde(default)]
    pub role: Option<RoleName>,
    /// The replicas; at least one.
    pub targets: Vec<TargetSpec>,
    /// How they are checked, before the switch and ever after.
    pub health: HealthCheck,
    /// Which requests they get.
    pub routes: Routes,
    /// Refuse unless the service is at this generation; 0: unless it does not exist. `None`: whatever it is at.
    #[serde(default)]
    pub expected_generation: Option<u64>,
    /// How long the previous release is kept ready, to be put back unless [`Confirm`] comes. 0: final at once.
    #[serde(default)]
    pub probation_ms: u64,
    /// How long requests on the release that is replaced may go on, websockets and event streams among them.
    #[serde(default = "defaults::drain_ms")]
    pub drain_ms: u64,
    /// How long the app may take until the first byte of its answer.
    #[serde(default = "defaults::response_timeout_ms")]
    pub response_timeout_ms: u64,
}

/// One replica.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TargetSpec {
    /// `172.18.0.5:3000`, `[fd00::5]:3000`: an IP address and a port, never a name.
    pub address: String,
    /// What a person calls it, as in reports: the container's name.
    pub name: String,
}

/// How a target proves that it is healthy: GET answers 200 to 299, and a redirect is a failure that is reported with
/// its `Location`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// Path and query, beginning with a slash.
    pub path: String,
    /// The `Host` that the check sends; the service's first domain without it.
    #[serde(default)]
    pub host: Option<String>,
    /// The longest pause between two checks. Before the switch they start 25 ms apart and slow down to it.
    #[serde(default = "defaults::interval_ms")]
    pub interval_ms: u64,
    /// How long one check may take.
    #[serde(default = "defaults::timeout_ms")]
    pub timeout_ms: u64,
    /// How long all targets have together before the switch is refused.
    #[serde(default = "defaults::deadline_ms")]
    pub deadline_ms: u64,
}

/// Which requests a service gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routes {
    /// Host names; `*.example.com` for one level; empty: every host name that no other service has.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Path prefix, `/` for all; it matches whole segments.
    #[serde(default = "defaults::path_prefix")]
    pub path_prefix: String,
    /// Whether the prefix is taken off before the app sees the request.
    #[serde(default)]
    pub strip_prefix: bool,
    /// TLS for these domains; plain HTTP is then redirected to it.
    #[serde(default)]
    pub tls: Option<Certificate>,
}

/// A certificate with its private key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The chain in PEM, leaf first.
    pub certificate_pem: String,
    /// The private key in PEM (PKCS#8, SEC1 or PKCS#1).
    pub key_pem: String,
}

impl fmt::Debug for Certificate {
    /// The key is never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("certificate_pem", &self.certificate_pem).finish_non_exhaustive()
    }
}

/// The switch was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Switched {
    /// The service's generation now: what [`Confirm`], [`Revert`] and the next [`Switch`] name.
    pub generation: u64,
    /// The release that served before and stays ready while on probation.
    pub previous: Option<ReleaseNumber>,
    /// How each target passed, in the order of the request.
    pub checks: Vec<CheckPassed>,
    /// What was noticed and did not stand in the way, as sentences.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// How a target passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckPassed {
    /// The target's name.
    pub target: String,
    /// How many checks it took, the passed ones included.
    pub tries: u32,
    /// From the first check to the last.
    pub took_ms: u64,
}

/// Ends the probation: the new release stays and the previous one is drained. Safe to do twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// From [`Switched`].
    pub generation: u64,
}

/// Puts the previous release back. Safe to do twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revert {
    /// From [`Switched`].
    pub generation: u64,
}

/// The release that was replaced has no request in flight any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// Requests that ended by themselves while draining.
    pub finished: u64,
    /// Requests, websockets and event streams that were closed when the time was over.
    pub cut: u64,
    /// How long it took.
    pub took_ms: u64,
}

/// The previous release is back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reverted {
    /// The service's generation now; 0 if it is gone, because the switch had been its first.
    pub generation: u64,
    /// The release that serves now; `None` if there was none before the switch.
    pub release: Option<ReleaseNumber>,
    /// How the release that had to go was drained.
    pub drained: Drained,
}

/// What a field means when it is left out.
mod defaults {
    pub(super) fn drain_ms() -> u64 {
        30_000
    }

    pub(super) fn response_timeout_ms() -> u64 {
        30_000
    }

    pub(super) fn interval_ms() -> u64 {
        1_000
    }

    pub(super) fn timeout_ms() -> u64 {
        5_000
    }

    pub(super) fn deadline_ms() -> u64 {
        30_000
    }

    pub(super) fn path_prefix() -> String {
        "/".to_owned()
    }
}
