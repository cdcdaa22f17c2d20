//! One host's edges on one connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::archive::HostArchive;
use super::command::Command;
use super::dial::Socket;
use super::engine::{DockerEngine, SocketTables};
use super::http::{Channels, Dial, Duplex};
use super::router::ControlRouter;
use super::session::Session;
use crate::ports::{self, ImageSource, PortResult};

/// How many channels to the engine are opened ahead: a look at it asks six things at once.
const ENGINE_CHANNELS: usize = 6;

/// For a program that only prints.
const LIMIT: Duration = Duration::from_secs(30);

/// A connected host.
#[derive(Clone)]
pub struct RemoteHost {
    /// Engine, ship-proxy, archive.
    pub ports: ports::Host,
    /// The engine again, for what is more than its port: programs that people talk to, logs.
    pub engine: Arc<DockerEngine>,
    /// The connection.
    pub session: Session,
}

impl RemoteHost {
    /// The edges of a host. Channels to its engine and to ship-proxy are opened at once, without waiting for them: what
    /// is wrong with one is told to whoever uses it first.
    pub fn new(session: Session, images: Arc<dyn ImageSource>) -> PortResult<Self> {
        let host = session.host().clone();
        let channels = |socket| {
            let trips = session.round_trips().clone();
            Channels::new(Box::new(HostSocket { session: session.clone(), socket }), trips)
        };
        let engine = channels(Socket::docker());
        let proxy = channels(Socket::proxy());
        engine.open_ahead(ENGINE_CHANNELS);
        proxy.open_ahead(1);
        let tables = Arc::new(KernelTables(session.clone()));
        let engine = Arc::new(DockerEngine::new(host.clone(), engine, images, tables)?);
        let ports = ports::Host {
            engine: engine.clone(),
            router: Arc::new(ControlRouter::new(host, proxy)),
            archive: Arc::new(HostArchive::new(session.clone())),
        };
        Ok(Self { ports, engine, session })
    }
}

/// A unix socket of a host, over its connection.
struct HostSocket {
    session: Session,
    socket: Socket,
}

#[async_trait]
impl Dial for HostSocket {
    async fn dial(&self) -> io::Result<Box<dyn Duplex>> {
        Ok(Box::new(self.session.dial(&self.socket).await?))
    }
}

/// The kernel's tables, printed by a program on the host.
struct KernelTables(Session);

#[async_trait]
impl SocketTables for KernelTables {
    async fn tcp(&self, pid: u32) -> io::Result<String> {
        let command = Command::SocketTables { pid };
        let output = self.0.run(&command, b"", LIMIT).await.map_err(io::Error::other)?;
        // A kernel without IPv6 has no second table, so that a complaint alone is no failure.
        if output.stdout.is_empty() {
            return Err(io::Error::other(output.last_words()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
