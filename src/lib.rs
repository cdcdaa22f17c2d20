//! ship deploys containers to servers that you own: one static binary, over SSH, without a registry and without an
//! agent. This page is the map: the modules in reading order. Each may use only what stands above it, and
//! `tests/tidy.rs` holds the exact table.

pub mod name;
pub mod diagnostic;
pub mod control;
pub mod release;
pub mod config;
pub mod inventory;
pub mod plan;
pub mod event;
pub mod ports;
pub mod observe;
pub mod apply;
pub mod remote;
pub mod local;
pub mod ui;
pub mod cli;
pub mod proxy;
