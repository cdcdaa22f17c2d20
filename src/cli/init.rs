//! `ship init`: writes a small `ship.toml` for the project in this directory, and never over one that is there.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use crate::config::FILE_NAME;
use crate::config::starter::{self, Directory, TELLING};
use crate::diagnostic::{Exit, Failure};

use super::Program;
use super::args;

/// `ship init`
pub(super) fn init(program: &Program, arguments: &args::Init) -> Result<Exit, Failure> {
    let here = &program.directory;
    let mut directory = look(here);
    if let Some(app) = &arguments.app {
        directory.name.clone_from(app);
    }
    let starter = starter::starter(&directory);
    let text = match &arguments.address {
        Some(address) => starter.text.replace(starter::ADDRESS, address),
        None => starter.text,
    };
    let path = here.join(FILE_NAME);
    let failed = |error: std::io::Error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return Failure::new(Exit::Usage, format!("{FILE_NAME} is already here")).hint("ship config");
        }
        let mut failure = Failure::new(Exit::Usage, format!("{} cannot be written", path.display()));
        failure.causes.push(error.to_string());
        failure
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    let mut said = format!("wrote {FILE_NAME}\n");
    for note in &starter.notes {
        if arguments.address.is_some() && note.contains("address of your server") {
            continue;
        }
        said.push_str(&format!("\n- {note}\n"));
    }
    said.push_str("\nnext: ship setup, then ship deploy\n");
    program.message(&said);
    Ok(Exit::Done)
}

/// What the starter wants to know: which files there are, and what the telling ones say.
fn look(here: &Path) -> Directory {
    let mut files = BTreeMap::new();
    if let Ok(entries) = fs::read_dir(here) {
        for entry in entries.flatten() {
            if let Ok(name) = entry.file_name().into_string() {
                files.insert(name, String::new());
            }
        }
    }
    for path in TELLING {
        if let Ok(content) = fs::read_to_string(here.join(path)) {
            files.insert((*path).to_owned(), content);
        }
    }
    let name = here.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Directory { name, files }
}
