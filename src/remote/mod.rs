//! A host, reached over SSH: everything that knows of russh and bollard is in here, and nothing of it gets out but the
//! ports.

pub mod http;
pub mod engine;
pub mod router;
pub mod server;
