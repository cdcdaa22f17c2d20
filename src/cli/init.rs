//! `ship init`: writes a small `ship.toml` for the project in this directory.

use crate::diagnostic::{Exit, Failure};

use super::Program;
use super::args;

/// `ship init`
pub(super) fn init(_program: &Program, _arguments: &args::Init) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Usage, "unfinished"))
}
