//! The fast lane: one binary, so that it links once.

mod config;
mod fleet;
mod release;
mod remote;
