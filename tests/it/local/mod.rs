//! The edge on the user's machine, with programs of the test's own in the place of Docker.

mod build;
mod fake;
mod git;
mod image;
mod image_forms;
mod person;
mod process;
mod proxy;
mod secrets;
