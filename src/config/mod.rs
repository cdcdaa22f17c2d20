//! What `ship.toml` means. [`resolve()`] takes its text and gives a [`Project`], in which everything is decided, or all
//! that is wrong with it at once.
//!
//! Architecture invariant: nothing here reads a file, a variable or a clock. Where a value comes from a file, the
//! project says from which, and an edge reads it.

pub mod keys;
pub mod problem;
pub mod schema;
pub mod show;
pub mod starter;

mod document;
mod elements;
mod overlay;
mod reader;
mod resolve;
mod sections;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::name::{EnvironmentName, HostName, Scope};
use crate::release::{Spec, Tls};

pub use problem::Problem;
pub use resolve::{Reach, reach, resolve};

/// The file that ship looks for.
pub const FILE_NAME: &str = "ship.toml";

/// The environment that is meant if none is named.
pub const DEFAULT_ENVIRONMENT: &str = "production";

/// Who logs in where neither `ship.toml` nor `~/.ssh/config` says it.
pub const DEFAULT_USER: &str = "ship";

/// An app in one environment, with nothing left to decide. Paths are seen from the directory of `ship.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// App and environment.
    pub scope: Scope,
    /// The environments that the file has, the default one among them if it can be deployed.
    pub environments: Vec<EnvironmentName>,
    /// Where the image comes from.
    pub build: BuildSource,
    /// The servers; at least one.
    pub hosts: BTreeMap<HostName, Host>,
    /// What runs. Complete but for a given certificate, which [`Project::fill_certificate`] puts in.
    pub spec: Spec,
    /// The file whose content [`Project::fill_certificate`] wants.
    pub certificate: Option<PathBuf>,
    /// Where the values of the secrets come from, by name. The private key of a given certificate is one of them,
    /// under [`crate::release::TLS_KEY`].
    pub secrets: BTreeMap<String, SecretSource>,
    /// How a deploy behaves.
    pub deploy: Deploy,
}

impl Project {
    /// Puts the content of [`Project::certificate`] where a release keeps it.
    pub fn fill_certificate(&mut self, pem: String) {
        if let Some(Tls::Given { certificate }) = self.spec.routes.as_mut().map(|routes| &mut routes.tls) {
            *certificate = pem;
        }
    }
}

/// Where the image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildSource {
    /// `docker build`.
    Dockerfile(Build),
    /// An image that exists locally.
    Image(String),
}

/// What `docker build` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The directory that is sent to the builder.
    pub context: PathBuf,
    /// The Dockerfile, with the context before it.
    pub dockerfile: PathBuf,
    /// Build arguments.
    pub args: BTreeMap<String, String>,
    /// The stage to stop at; `None`: the last one.
    pub target: Option<String>,
    /// `linux/amd64`; `None`: what the hosts are.
    pub platform: Option<String>,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// An IP address without brackets, a DNS name, or a `Host` of `~/.ssh/config`.
    pub address: String,
    /// Who logs in; `None`: whom `~/.ssh/config` names, else [`DEFAULT_USER`].
    pub user: Option<String>,
    /// The SSH port; `None`: what `~/.ssh/config` says, else 22.
    pub port: Option<u16>,
    /// `SHA256:…` of its host key; `None`: `known_hosts` decides.
    pub fingerprint: Option<String>,
}

/// Where the value of a secret comes from. None of them is a value, so all of this may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The content of a file, without one line break at its end.
    File(PathBuf),
    /// A variable in the environment of whoever deploys.
    Env(String),
    /// What a program prints, without one line break at its end. No shell is involved.
    Command(Vec<String>),
}

/// How a deploy behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    /// How long to wait for someone else's lease.
    pub lease_wait: Duration,
}
