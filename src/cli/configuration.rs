//! `ship config`: what `ship.toml` means, with every default filled in and no secret's value.

use crate::config::view;
use crate::diagnostic::{Exit, Failure};

use super::Program;
use super::project::File;

/// `ship config`
pub(super) fn show(program: &Program) -> Result<Exit, Failure> {
    let project = File::find(&program.common, &program.directory)?.project(&program.common)?;
    if program.common.json {
        program.json(&view::json(&project))?;
    } else {
        program.result(&view::text(&project))?;
    }
    Ok(Exit::Done)
}
