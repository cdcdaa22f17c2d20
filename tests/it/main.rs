//! The fast lane: one binary, so that it links once.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod ui;
