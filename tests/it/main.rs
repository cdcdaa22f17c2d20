//! The fast lane: everything that needs no host, in one binary, because each test binary is linked anew.

mod config;
