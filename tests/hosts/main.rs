//! The slow lane: real servers, real binaries, what issue and README promise. `scripts/test hosts` runs it.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests start programs, read their environment, and stop where they cannot go on"
)]

mod support;
