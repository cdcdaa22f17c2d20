//! The tables of `ship.toml`, one per file: each reads its keys with the element parsers, sets what was left out, and
//! checks what its keys mean to each other.

pub(super) mod build;
pub(super) mod deploy;
pub(super) mod env;
pub(super) mod health;
pub(super) mod hosts;
pub(super) mod proxy;
pub(super) mod roles;
pub(super) mod secrets;
pub(super) mod volumes;
