//! The fast lane: one test binary, so that it links once.

mod proxy;
