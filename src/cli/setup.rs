//! `ship setup`: makes servers ready.

use crate::diagnostic::{Exit, Failure};

use super::Program;
use super::args;

/// `ship setup`
pub(super) async fn setup(_program: &Program, _arguments: &args::Setup) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Usage, "unfinished"))
}
