//! A host, reached over SSH: one connection for each, and on it the engine's API, ship-proxy's control API and the few
//! programs of [`command`]. Everything that knows of russh and bollard is in here, and nothing of it gets out but the
//! ports.

pub mod round_trips;
pub mod pattern;
mod ssh_words;
pub mod ssh_config;
pub mod known_hosts;
pub mod access;
mod gate;
mod wire;
mod auth;
mod host_key;
mod patience;
mod tcp;
pub mod connect;
pub mod session;
pub mod command;
pub mod exec;
pub mod dial;
mod frames;
pub mod files;
pub mod lease;
pub mod http;
pub mod engine;
pub mod router;
pub mod server;
pub mod archive;
pub mod host;
