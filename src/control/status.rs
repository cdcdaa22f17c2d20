//! What ship-proxy says about itself: GET /v1/status.

use serde::{Deserialize, Serialize};

use super::ServiceName;
use crate::name::{ReleaseNumber, RoleName};

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// [`super::API`].
    pub api: u32,
    /// ship-proxy's version.
    pub version: String,
    /// When it started, in milliseconds since 1970.
    pub started: u64,
    /// The highest generation that any change has had.
    pub generation: u64,
    /// Where it listens.
    pub listeners: Vec<ListenerStatus>,
    /// Services in order of their names.
    pub services: Vec<ServiceStatus>,
}

/// A socket that takes requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerStatus {
    /// `[::]:80`.
    pub address: String,
    /// Whether it speaks TLS.
    pub tls: bool,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Its name.
    pub service: ServiceName,
    /// Which requests it gets.
    pub routes: RoutesStatus,
    /// What serves.
    pub active: ReleaseStatus,
    /// Set while the active release is on probation.
    pub probation: Option<ProbationStatus>,
    /// Moves whenever traffic moves.
    pub generation: u64,
    /// Requests since ship-proxy started.
    pub requests: u64,
    /// Of these, those that ship-proxy itself had to answer with an error.
    pub failed: u64,
    /// The last thing that ship-proxy did by itself, or was told to do, with its reason.
    pub last_event: Option<LastEvent>,
}

/// Something that happened to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastEvent {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// What, as a sentence: "r42 was put back: r43 was not confirmed within 30 s".
    pub text: String,
}

/// [`super::Routes`] without the certificate's private key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutesStatus {
    /// Host names; empty: every one that no other service has.
    pub domains: Vec<String>,
    /// Path prefix.
    pub path_prefix: String,
    /// Whether the prefix is taken off.
    pub strip_prefix: bool,
    /// Whether TLS is on.
    pub tls: bool,
}

/// A release as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseStatus {
    /// Its number.
    pub release: ReleaseNumber,
    /// The role that the targets are replicas of.
    pub role: Option<RoleName>,
    /// The replicas.
    pub targets: Vec<TargetStatus>,
}

/// The release that would be put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbationStatus {
    /// `None` if the switch was the service's first: there is nothing to put back.
    pub previous: Option<ReleaseStatus>,
    /// How long until then.
    pub remaining_ms: u64,
}

/// One replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetStatus {
    /// Its address.
    pub address: String,
    /// Its name.
    pub name: String,
    /// What it is thought to be.
    pub state: TargetState,
    /// Requests in flight, websockets and event streams among them.
    pub in_flight: u64,
    /// How its last failed check failed; gone once it passes again.
    #[serde(default)]
    pub failure: Option<super::CheckFailure>,
}

/// What a target is thought to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetState {
    /// It passes its checks.
    Healthy,
    /// It fails them: it gets requests only if no other target is healthy.
    Unhealthy,
    /// It gets no new requests.
    Draining,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}
