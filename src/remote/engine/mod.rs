//! The container engine of a host: the port [`crate::ports::Engine`] on the Docker Engine API.

mod addresses;
mod api;
mod console;
mod containers;
mod fault;
mod frames;
mod listening;
mod logs;
mod ownership;
mod push;
mod run;
mod spec;
mod things;
mod view;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bollard::Docker;
use tokio::sync::OnceCell;

use self::addresses::Addresses;
use self::api::Api;
use self::fault::Fault;
use crate::name::{Digest, HostName, Scope};
use crate::plan::action::ContainerSpec;
use crate::ports::{
    ContainerView, Ended, Engine, EngineView, ImageSource, Listening, OnLine, OnProgress, PortError, PortResult, Sent,
};
use crate::release::{Image, Secrets};
use crate::remote::http::{Channels, Dial};

/// How long an engine may take for what it does at once. A small server under load takes its time.
const PATIENCE: Duration = Duration::from_mins(2);

/// Reads the kernel's tables of a process's sockets on a host.
#[async_trait]
pub trait SocketTables: Send + Sync {
    /// `/proc/<pid>/net/tcp` and `/proc/<pid>/net/tcp6`, one after the other.
    async fn tcp(&self, pid: u32) -> io::Result<String>;
}

/// One host's engine. Cheap to clone; the clones share their channels.
#[derive(Clone)]
pub struct DockerEngine {
    host: HostName,
    docker: Docker,
    api: Api,
    images: Arc<dyn ImageSource>,
    tables: Arc<dyn SocketTables>,
    facts: Arc<OnceCell<Facts>>,
    /// Of the app that was looked at; `None` where its network is not one that ship divided.
    addresses: Arc<Mutex<Option<Addresses>>>,
}

/// What an engine says of itself once and for all.
#[derive(Debug, Clone)]
struct Facts {
    /// The log driver of containers that name none.
    log_driver: String,
    /// Images are in containerd's store, where their IDs are digests of manifests.
    containerd_store: bool,
}

impl DockerEngine {
    /// An engine behind a socket; no channel is opened yet.
    pub fn new(
        host: HostName,
        socket: Box<dyn Dial>,
        images: Arc<dyn ImageSource>,
        tables: Arc<dyn SocketTables>,
    ) -> PortResult<Self> {
        let api = Api::new(Channels::new(socket));
        let docker =
            api.docker().map_err(|error| PortError::refused(format!("talk to the engine of {host}"), error))?;
        Ok(Self { host, docker, api, images, tables, facts: Arc::default(), addresses: Arc::default() })
    }

    /// Begins to open channels ahead of need, all in one round trip. What is wrong with them is told to whoever asks
    /// the engine first.
    pub fn open_ahead(&self, channels: usize) {
        self.api.open_ahead(channels);
    }

    fn addresses(&self) -> MutexGuard<'_, Option<Addresses>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn facts(&self) -> Result<&Facts, Fault> {
        let ask = || async {
            let info = within(PATIENCE, self.docker.info()).await?;
            let status = info.driver_status.unwrap_or_default().concat();
            Ok(Facts {
                log_driver: info.logging_driver.unwrap_or_default(),
                containerd_store: status.iter().any(|word| word.starts_with("io.containerd.snapshotter")),
            })
        };
        self.facts.get_or_try_init(ask).await
    }
}

#[async_trait]
impl Engine for DockerEngine {
    async fn view(&self, scope: &Scope) -> PortResult<EngineView> {
        Box::pin(self.look_around(scope)).await
    }

    async fn push(&self, image: &Image, chains: &[&[Digest]], tell: OnProgress<'_>) -> PortResult<Sent> {
        self.push_image(image, chains, tell).await
    }

    async fn ensure_network(&self, scope: &Scope, name: &str) -> PortResult<()> {
        self.make_network(scope, name).await
    }

    async fn ensure_volume(&self, scope: &Scope, name: &str) -> PortResult<()> {
        self.make_volume(scope, name).await
    }

    async fn create(&self, spec: &ContainerSpec, secrets: &Secrets) -> PortResult<()> {
        self.create_container(spec, secrets).await
    }

    async fn own_volume(&self, container: &str, target: &str) -> PortResult<()> {
        self.give_volume(container, target).await
    }

    async fn start(&self, container: &str) -> PortResult<ContainerView> {
        self.start_container(container).await
    }

    async fn look(&self, container: &str) -> PortResult<ContainerView> {
        self.look_at(container).await
    }

    async fn stop(&self, container: &str) -> PortResult<()> {
        self.stop_container(container).await
    }

    async fn remove(&self, container: &str) -> PortResult<()> {
        self.remove_container(container).await
    }

    async fn keep_running(&self, container: &str) -> PortResult<()> {
        self.restart_unless_stopped(container).await
    }

    async fn ended(&self, container: &str) -> PortResult<Ended> {
        self.wait_for_end(container).await
    }

    async fn run_once(&self, spec: &ContainerSpec, secrets: &Secrets, tell: OnLine<'_>) -> PortResult<Ended> {
        self.run_to_end(spec, secrets, tell).await
    }

    async fn exec(&self, container: &str, command: &[String], limit: Duration) -> PortResult<Ended> {
        self.run_inside(container, command, limit).await
    }

    async fn last_lines(&self, container: &str, count: usize) -> PortResult<Vec<String>> {
        self.tail(container, count).await
    }

    async fn listening(&self, pid: u32) -> PortResult<Vec<Listening>> {
        let tables = self.tables.tcp(pid).await;
        tables
            .map(|tables| listening::parse(&tables))
            .map_err(|error| PortError::refused(format!("see what process {pid} listens on on {}", self.host), error))
    }

    async fn remove_image(&self, reference: &str) -> PortResult<()> {
        self.delete_image(reference).await
    }

    async fn remove_network(&self, name: &str) -> PortResult<()> {
        self.delete_network(name).await
    }

    async fn remove_volume(&self, name: &str) -> PortResult<()> {
        self.delete_volume(name).await
    }
}

/// Waits for an answer, but not forever.
async fn within<T, E: Into<Fault>>(limit: Duration, answer: impl Future<Output = Result<T, E>>) -> Result<T, Fault> {
    match tokio::time::timeout(limit, answer).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(Fault::Silent(limit.as_secs())),
    }
}

/// A value as it stands in a query.
fn query(value: &str) -> String {
    use std::fmt::Write as _;
    value.bytes().fold(String::with_capacity(value.len()), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
