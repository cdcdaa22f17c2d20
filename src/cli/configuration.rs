//! `ship config`: what `ship.toml` means, with every default filled in and no secret's value.

use crate::config::show;
use crate::diagnostic::{Exit, Failure};

use super::Program;
use super::project::File;

/// `ship config`
pub(super) fn config(program: &Program) -> Result<Exit, Failure> {
    let project = File::find(&program.common, &program.directory)?.project(&program.common)?;
    if program.common.json {
        program.json(&show::json(&project).to_string())?;
    } else {
        program.result(&show::toml(&project))?;
    }
    Ok(Exit::Done)
}
