//! The fast lane: one binary, so that it links once.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where, and allow-unwrap-in-tests knows no helpers"
)]
#![expect(unreachable_pub, reason = "what test modules share is public within this binary")]

mod config;
mod documents;
mod fleet;
mod local;
mod proxy;
mod release;
mod remote;
mod setup;
mod ui;
