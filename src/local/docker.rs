//! The local container engine, through its own client: that way ship reaches whatever `docker` reaches (contexts,
//! `DOCKER_HOST`, Docker Desktop, Podman's stand-in) without knowing how.

use std::ffi::{OsStr, OsString};

use crate::diagnostic::Hint;
use crate::local::process::{ProcessError, Program};

/// Why the local engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// No engine answers.
    #[error("Docker does not answer on this machine")]
    NotRunning(#[source] ProcessError),
    /// The user may not use it.
    #[error("no permission to use Docker on this machine")]
    Denied(#[source] ProcessError),
    /// There is no such image.
    #[error("there is no image `{reference}` on this machine")]
    NoImage {
        /// As it was asked for.
        reference: String,
    },
    /// The client failed in another way, or is not there.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The client's answer is none that ship knows.
    #[error("`{what}` gave an answer that ship does not understand")]
    Answer {
        /// What was asked.
        what: String,
        /// The reason.
        #[source]
        source: serde_json::Error,
    },
}

impl DockerError {
    /// Sorts a failure of the client by what it says; it has one exit code for all of them.
    pub(super) fn from_process(error: ProcessError) -> Self {
        let words = error.lines().join("\n");
        let says = |known: &[&str]| known.iter().any(|known| words.contains(known));
        if says(&["permission denied while trying to connect"]) {
            Self::Denied(error)
        } else if says(&["Cannot connect to the Docker daemon", "daemon is not running", "error during connect"]) {
            Self::NotRunning(error)
        } else {
            Self::Process(error)
        }
    }
}

impl Hint for DockerError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::NotRunning(_) => {
                vec!["start Docker (systemctl start docker, or Docker Desktop); `docker context ls` shows which engine is meant".to_owned()]
            }
            Self::Denied(_) => {
                vec!["sudo usermod -aG docker \"$USER\", then log in again".to_owned()]
            }
            Self::NoImage { reference } => {
                vec![format!("docker pull {reference}"), format!("docker build -t {reference} .")]
            }
            Self::Process(error) => error.hints(),
            Self::Answer { .. } => Vec::new(),
        }
    }
}

/// The Docker client.
#[derive(Debug, Clone)]
pub struct Docker {
    program: OsString,
}

impl Default for Docker {
    fn default() -> Self {
        Self::new("docker")
    }
}

impl Docker {
    /// The client by name or path.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self { program: program.into() }
    }

    /// A command of the client; `what` names it in errors.
    pub(super) fn command<A: AsRef<OsStr>>(&self, what: &str, arguments: impl IntoIterator<Item = A>) -> Program {
        Program::new(&self.program, what).args(arguments).env("DOCKER_CLI_HINTS", "false")
    }

    /// Runs a command to its end and gives its standard output.
    pub(super) async fn ask<A: AsRef<OsStr>>(
        &self,
        what: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Vec<u8>, DockerError> {
        let captured = self.command(what, arguments).captured().await.map_err(DockerError::from_process)?;
        Ok(captured.stdout)
    }

    /// What the engine says of an image, in a format of Go's templates.
    pub(super) async fn inspect_image(&self, reference: &str, format: &str) -> Result<Vec<u8>, DockerError> {
        let arguments = ["image", "inspect", "--format", format, "--", reference];
        self.ask("docker image inspect", arguments).await.map_err(|error| match error {
            DockerError::Process(process) if process.lines().iter().any(|line| no_such_image(line)) => {
                DockerError::NoImage { reference: reference.to_owned() }
            }
            other => other,
        })
    }

    /// The engine's identifier of an image.
    pub(super) async fn image_id(&self, reference: &str) -> Result<String, DockerError> {
        let answer = self.inspect_image(reference, "{{.Id}}").await?;
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    }

    /// Whether the engine is known to keep images by the digest of their configuration. The containerd store does
    /// not, and of an engine that answers otherwise (Podman's stand-in) nothing is assumed.
    pub(super) async fn is_classic(&self) -> bool {
        let status = self.ask("docker info", ["info", "--format", "{{json .DriverStatus}}"]).await.unwrap_or_default();
        let pairs: Option<Vec<(String, String)>> = serde_json::from_slice(&status).ok();
        pairs.is_some_and(|pairs| pairs.iter().all(|(_, value)| !value.starts_with("io.containerd.snapshotter")))
    }

    /// Whether client and engine can save one platform of an image (API 1.48, Docker 28).
    pub(super) async fn saves_one_platform(&self) -> bool {
        let answer = self.ask("docker version", ["version", "--format", "{{.Client.APIVersion}}"]).await;
        let text = String::from_utf8(answer.unwrap_or_default()).unwrap_or_default();
        let version = text.trim().split_once('.').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        version.is_some_and(|version: (u32, u32)| version >= (1, 48))
    }
}

/// Docker's and Podman's words.
fn no_such_image(line: &str) -> bool {
    ["No such image", "no such image", "image not known"].iter().any(|known| line.contains(known))
}
