//! Why ship-proxy refused: a stable code for programs, a sentence for people, and for a failed health check all that is
//! needed to explain it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ServiceName;

/// The body of every answer that is not 2xx.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What a program decides by.
    pub code: Code,
    /// What a person reads: lower case, no full stop.
    pub message: String,
    /// With [`Code::Generation`]: where the service is now; 0 if it does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// With [`Code::Owner`]: the service that has this domain and path prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ServiceName>,
    /// With [`Code::Invalid`]: every problem that was found, `message` being the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// With [`Code::Unhealthy`]: all targets, those that passed too, in the order of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetReport>,
}

impl Refusal {
    /// A refusal that is a code and a sentence.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message, generation: None, owner: None, problems: Vec::new(), targets: Vec::new() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// Stable codes; each belongs to one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// 400: the request says something that cannot be; nothing was changed.
    Invalid,
    /// 404: no such path; a newer ship speaks to an older ship-proxy.
    UnknownPath,
    /// 404: no such service.
    UnknownService,
    /// 405: not with this method.
    Method,
    /// 409: the service is at another generation: someone else moved it.
    Generation,
    /// 409: another service has this domain and path prefix.
    Owner,
    /// 409: there is nothing to confirm: ship-proxy has already put the previous release back; the message says why.
    Reverted,
    /// 409: there is nothing to revert to: the switch is final.
    Final,
    /// 422: not all targets became healthy in time.
    Unhealthy,
    /// 500: the state could not be written to disk, so nothing was changed.
    Storage,
    /// 503: ship-proxy is stopping.
    Stopping,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Code {
    /// The HTTP status that goes with the code.
    pub fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::UnknownPath | Self::UnknownService => 404,
            Self::Method => 405,
            Self::Generation | Self::Owner | Self::Reverted | Self::Final => 409,
            Self::Unhealthy => 422,
            Self::Storage | Self::Unknown => 500,
            Self::Stopping => 503,
        }
    }
}

/// How one target fared before the deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetReport {
    /// The target's name.
    pub target: String,
    /// Its address.
    pub address: String,
    /// The check's path.
    pub path: String,
    /// How many checks were made.
    pub tries: u32,
    /// Over how many milliseconds.
    pub over_ms: u64,
    /// How the last failed check failed; `None` if the target passed.
    pub failure: Option<CheckFailure>,
}

/// How a check failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum CheckFailure {
    /// Nothing listens on the port, or only on 127.0.0.1 of the container.
    Refused,
    /// There is no way to the address: no such container any more.
    NoRoute,
    /// The connection was not accepted in time.
    ConnectTimedOut,
    /// Connected, but the answer did not come in time.
    TimedOut,
    /// Connected, and then closed or reset before an answer.
    Closed,
    /// The answer is not HTTP.
    Malformed {
        /// What was wrong with it.
        detail: String,
    },
    /// Answered with a status that is not 2xx.
    Status {
        /// The status.
        status: u16,
        /// The first 512 bytes of the body.
        body: String,
    },
    /// Answered with a redirect, which is not followed.
    Redirect {
        /// The status.
        status: u16,
        /// The `Location` as it was sent.
        location: String,
    },
    /// Anything else that the operating system said.
    Io {
        /// What it said.
        detail: String,
    },
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for CheckFailure {
    /// The end of a sentence that begins `GET http://172.18.0.5:3000/up`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("was refused: nothing listens there"),
            Self::NoRoute => f.write_str("has no route: nothing has that address"),
            Self::ConnectTimedOut => f.write_str("was not accepted in time"),
            Self::TimedOut => f.write_str("was accepted and not answered in time"),
            Self::Closed => f.write_str("was closed without an answer"),
            Self::Malformed { detail } => write!(f, "answered with something that is not HTTP: {detail}"),
            Self::Status { status, body } if body.is_empty() => write!(f, "answered {status}"),
            Self::Status { status, body } => write!(f, "answered {status}: {body}"),
            Self::Redirect { status, location } => write!(f, "answered {status}, a redirect to {location}"),
            Self::Io { detail } => write!(f, "failed: {detail}"),
            Self::Unknown => f.write_str("failed"),
        }
    }
}
