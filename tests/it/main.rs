//! The fast lane: everything that needs no host, in one binary, because each test binary is linked anew.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says where, and allow-unwrap-in-tests knows no helpers"
)]

mod config;
