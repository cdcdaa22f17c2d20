//! What the engine refuses and how channels break, as failures that say what can be tried next.

use std::error::Error as StdError;
use std::io;

use bollard::errors::Error as Bollard;

use crate::ports::{PortError, PortErrorKind};
use crate::remote::http::HttpError;

/// A request that came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The engine refused.
    #[error("the engine answered {status}: {message}")]
    Answered {
        /// HTTP status.
        status: u16,
        /// In its words.
        message: String,
    },
    /// The engine refused in the middle of an answer.
    #[error("the engine reported: {0}")]
    Reported(String),
    /// There is no answer in time.
    #[error("the engine did not answer for {0} s")]
    Silent(u64),
    /// The engine's socket cannot be reached.
    #[error("cannot reach the engine's socket")]
    Unreachable(#[source] io::Error),
    /// The channel broke.
    #[error("the connection to the engine broke")]
    Lost(#[source] Box<dyn StdError + Send + Sync>),
    /// The answer is not what the API promises.
    #[error("the engine's answer cannot be understood")]
    Unusable(#[source] Box<dyn StdError + Send + Sync>),
}

impl Fault {
    /// The status with which the engine refused.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The engine's own words, if it said something.
    fn words(&self) -> &str {
        match self {
            Self::Answered { message, .. } | Self::Reported(message) => message,
            _ => "",
        }
    }

    /// As a failure of what was being done.
    pub(super) fn doing(self, doing: impl Into<String>) -> PortError {
        let kind = self.kind();
        let mut error = PortError { doing: doing.into(), kind, source: None, hints: self.hints(kind) };
        error.source = Some(Box::new(self));
        error
    }

    pub(super) fn kind(&self) -> PortErrorKind {
        match self {
            _ if disk_full(self.words()) => PortErrorKind::DiskFull,
            Self::Answered { status: 404, .. } => PortErrorKind::Missing,
            Self::Answered { status: 409, .. } => PortErrorKind::Conflict,
            Self::Unreachable(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => PortErrorKind::Missing,
                io::ErrorKind::PermissionDenied => PortErrorKind::Refused,
                _ => PortErrorKind::Lost,
            },
            Self::Lost(_) | Self::Silent(_) => PortErrorKind::Lost,
            Self::Answered { .. } | Self::Reported(_) | Self::Unusable(_) => PortErrorKind::Refused,
        }
    }

    fn hints(&self, kind: PortErrorKind) -> Vec<String> {
        let hints: &[&str] = match (self, kind) {
            (_, PortErrorKind::DiskFull) => &[
                "docker system df            # on the host: what takes the space",
                "docker image prune          # on the host: removes images without a name",
                "keep = 2                    # in ship.toml: fewer releases stay for rollback",
            ],
            (Self::Unreachable(_), PortErrorKind::Missing) => &[
                "ship setup                  # installs Docker and starts it",
                "systemctl status docker     # on the host: does the engine run",
            ],
            (Self::Unreachable(_), PortErrorKind::Refused) => {
                &["usermod -aG docker USER     # on the host: lets the user that ship logs in as use Docker"]
            }
            _ => &[],
        };
        hints.iter().map(|hint| (*hint).to_owned()).collect()
    }
}

fn disk_full(words: &str) -> bool {
    words.contains("no space left on device") || words.contains("disk quota exceeded")
}

impl From<HttpError> for Fault {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Dial(error) => Self::Unreachable(error),
            HttpError::Broken(error) => Self::Lost(Box::new(error)),
        }
    }
}

impl From<Bollard> for Fault {
    fn from(error: Bollard) -> Self {
        match error {
            Bollard::DockerResponseServerError { status_code, message } => {
                Self::Answered { status: status_code, message }
            }
            Bollard::DockerStreamError { error } => Self::Reported(error),
            Bollard::IOError { err } => Self::Unreachable(err),
            Bollard::HyperResponseError { err } => Self::Lost(Box::new(err)),
            other => Self::Unusable(Box::new(other)),
        }
    }
}
