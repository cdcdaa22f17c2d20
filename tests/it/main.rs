//! The fast lane: one binary, so that it links once.

mod fleet;
mod release;
