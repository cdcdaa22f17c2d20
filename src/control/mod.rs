//! What ship and ship-proxy say to each other: JSON over HTTP/1.1 on ship-proxy's unix socket. Wire types and the paths
//! they travel on, nothing else, so that both ends are built from one definition. docs/control-api.md is the manual.
//!
//! Readers accept unknown fields: an old ship can speak to a new ship-proxy and the other way round, as long as
//! [`API`] is the same.

mod change;
mod refusal;
mod service;
mod status;

pub use change::TargetSpec;
pub use change::{Certificate, CheckPassed, Confirm, Drained, HealthCheck, Revert, Reverted, Routes, Switch, Switched};
pub use refusal::{CheckFailure, Code, Refusal, TargetReport};
pub use service::{ServiceName, ServiceNameError};
pub use status::{LastEvent, ListenerStatus, ProbationStatus, ReleaseStatus, RoutesStatus, ServiceStatus, Status};
pub use status::{TargetState, TargetStatus};

/// The version of this protocol; it is also the first segment of every path (`/v1/…`).
pub const API: u32 = 1;

/// Where [`Status`] is read with GET.
pub const STATUS_PATH: &str = "/v1/status";

/// The path of a service itself: DELETE removes it and answers [`Drained`].
pub fn service_path(service: &ServiceName) -> String {
    format!("/v1/services/{service}")
}

/// Where a [`Switch`] is posted; answers [`Switched`].
pub fn switch_path(service: &ServiceName) -> String {
    format!("/v1/services/{service}/switch")
}

/// Where a [`Confirm`] is posted; answers [`Drained`] once the previous release is drained.
pub fn confirm_path(service: &ServiceName) -> String {
    format!("/v1/services/{service}/confirm")
}

/// Where a [`Revert`] is posted; answers [`Reverted`].
pub fn revert_path(service: &ServiceName) -> String {
    format!("/v1/services/{service}/revert")
}
