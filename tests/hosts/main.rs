//! The slow lane: real servers, real binaries, what issue and README promise. `scripts/test hosts` runs it.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests start programs, read their environment, and stop where they cannot go on"
)]

mod apps;
mod bad_releases;
mod changes_under_load;
mod exec;
mod fleet;
mod interrupted;
mod limits;
mod logs;
mod rollback;
mod secrets;
mod setup;
mod speed;
mod status;
mod support;
mod volumes;
