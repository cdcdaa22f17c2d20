//! The edge on the user's own machine: programs that are started, the working tree, the local container engine, the
//! clock. What runs here runs with the user's rights and knows nothing of hosts.
//!
//! In reading order: [`process`] starts programs and nothing else does; [`git`], [`docker`] and [`build`] are built on
//! it; [`image`] turns the local engine's images into what a host lacks of them, and [`images`] hands them out;
//! [`proxy_image`] makes the one image that comes from no engine.

pub mod process;
pub mod clock;
pub mod person;
pub mod git;
pub mod secrets;
pub mod docker;
pub mod build;
pub mod image;
pub mod images;
pub mod proxy_binary;
pub mod proxy_image;
