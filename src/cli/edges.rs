//! What commands need of the world beside the ports: connections, builds, secrets, the person. `main` joins them to
//! the real edges, tests to simulated ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::config::{self, BuildSource, SecretSource};
use crate::diagnostic::Failure;
use crate::name::HostName;
use crate::plan::setup::{AccountName, ProxySpec};
use crate::ports::{self, Clock, Console, Logs, OnLine, PortResult, Server};
use crate::release::{Image, Secrets, Source};

/// A host that is connected.
#[derive(Clone)]
pub struct Remote {
    /// Engine, ship-proxy, archive.
    pub host: ports::Host,
    /// Programs in containers.
    pub console: Arc<dyn Console>,
    /// What containers said.
    pub logs: Arc<dyn Logs>,
    /// What travelled so far.
    pub meter: Arc<dyn Meter>,
}

/// Counts what travels over a connection.
pub trait Meter: Send + Sync {
    /// Since the connection was authenticated.
    fn traffic(&self) -> Traffic;
}

/// What travelled over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Round trips that had to wait for each other.
    pub round_trips: u32,
    /// Bytes to the host, SSH included.
    pub bytes_up: u64,
    /// Bytes from the host, SSH included.
    pub bytes_down: u64,
}

/// A server that someone logged in to who may change it.
pub struct Login {
    /// The server.
    pub server: Arc<dyn Server>,
    /// The user that deploys will log in as.
    pub user: AccountName,
}

/// An image to be built or found.
pub struct WantedImage<'a> {
    /// Where `ship.toml` is.
    pub directory: &'a Path,
    /// A Dockerfile, or an image that exists.
    pub source: &'a BuildSource,
    /// What the hosts are; `None`: this machine's own.
    pub platform: Option<&'a str>,
    /// The local tag that moves to a new image.
    pub tag: String,
}

/// Everything outside the process.
#[async_trait]
pub trait Edges: Send + Sync {
    /// Time.
    fn clock(&self) -> Arc<dyn Clock>;
    /// Who sits here: `ana@laptop`.
    fn person(&self) -> String;
    /// Becomes true when the user presses Ctrl-C.
    fn interrupt(&self) -> watch::Receiver<bool>;
    /// What is in the directory: commit, branch, whether it is dirty.
    async fn source(&self, directory: &Path) -> Source;
    /// Connects to a host and authenticates.
    async fn connect(&self, name: &HostName, host: &config::Host) -> PortResult<Remote>;
    /// Connects to a host that may not be set up yet, as a user who may change the system.
    async fn server(&self, name: &HostName, host: &config::Host, login: Option<&str>) -> PortResult<Login>;
    /// ship-proxy for a kind of machine, as `uname -m` names it.
    fn proxy(&self, machine: &str) -> Result<ProxySpec, Failure>;
    /// Builds the image, or finds it in the local engine. Its `reference` is not the hosts' yet.
    async fn image(&self, wanted: &WantedImage<'_>, tell: OnLine<'_>) -> Result<Image, Failure>;
    /// Reads the values of the secrets.
    async fn secrets(&self, directory: &Path, sources: &BTreeMap<String, SecretSource>) -> Result<Secrets, Failure>;
}
