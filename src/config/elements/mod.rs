//! The values of settings, one kind per file: each parser takes a value, gives what it means or says what it expected.
//! None of them knows where the setting stands; the reader adds that.

pub(super) mod address;
pub(super) mod command;
pub(super) mod cpus;
pub(super) mod domain;
pub(super) mod duration;
pub(super) mod fingerprint;
pub(super) mod memory;
pub(super) mod number;
pub(super) mod path;
pub(super) mod platform;
pub(super) mod signal;
pub(super) mod text;
pub(super) mod variable;
