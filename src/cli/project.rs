//! Finds and reads `ship.toml`. The directory that it is in is the project's: all its paths are seen from there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{self, FILE_NAME, Problem, Project, Reach};
use crate::diagnostic::{Exit, Failure};

use super::args::Common;

/// A configuration file that was found.
pub(super) struct File {
    /// Its directory.
    pub(super) directory: PathBuf,
    name: String,
    text: String,
}

impl File {
    /// The file that the user names, else `ship.toml` here or in a directory above.
    pub(super) fn find(common: &Common, here: &Path) -> Result<Self, Failure> {
        let path = match &common.config {
            Some(path) => here.join(path),
            None => {
                here.ancestors().map(|above| above.join(FILE_NAME)).find(|path| path.is_file()).ok_or_else(|| {
                    Failure::new(Exit::Usage, format!("there is no {FILE_NAME} here or in a directory above"))
                        .hint("ship init")
                })?
            }
        };
        let text = fs::read_to_string(&path).map_err(|error| {
            let mut failure = Failure::new(Exit::Usage, format!("{} cannot be read", path.display()));
            failure.causes.push(error.to_string());
            failure
        })?;
        let directory = path.parent().map_or_else(|| here.to_owned(), Path::to_owned);
        let name = path.file_name().map_or_else(|| FILE_NAME.to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(Self { directory, name, text })
    }

    /// Everything that the file means.
    pub(super) fn project(&self, common: &Common) -> Result<Project, Failure> {
        let mut project = config::resolve(&self.text, &self.name, common.environment.as_ref())
            .map_err(|problems| self.failure(&problems))?;
        if let Some(path) = project.certificate.clone() {
            let path = self.directory.join(path);
            let pem = fs::read_to_string(&path).map_err(|error| {
                let mut failure =
                    Failure::new(Exit::Usage, format!("the certificate {} cannot be read", path.display()));
                failure.causes.push(error.to_string());
                failure.hint("`proxy.tls.certificate` in ship.toml names the file")
            })?;
            project.fill_certificate(pem);
        }
        Ok(project)
    }

    /// The hosts alone, whatever is wrong with the rest.
    pub(super) fn reach(&self, common: &Common) -> Result<Reach, Failure> {
        config::reach(&self.text, &self.name, common.environment.as_ref()).map_err(|problems| self.failure(&problems))
    }

    fn failure(&self, problems: &[Problem]) -> Failure {
        let what = match problems.len() {
            1 => format!("{} has a problem", self.name),
            count => format!("{} has {count} problems", self.name),
        };
        let mut failure = Failure::new(Exit::Usage, what);
        failure.output = problems
            .iter()
            .flat_map(|problem| problem.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        failure
    }
}
