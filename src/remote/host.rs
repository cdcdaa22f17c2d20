//! A connected host with all its ports: one SSH connection carries the engine's API, ship-proxy's control API, the
//! lease, and setup's programs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use super::access::Access;
use super::archive::{HostArchive, from_exec};
use super::command::Command;
use super::dial::Socket;
use super::engine::{DockerEngine, SocketTables};
use super::exec::{Exit, Process};
use super::http::{Dial, Duplex};
use super::round_trips::RoundTrips;
use super::router::ControlRouter;
use super::server::{Program, RemoteServer, Shell};
use super::session::Session;
use crate::config;
use crate::diagnostic::Hint as _;
use crate::name::HostName;
use crate::ports::{Host, ImageSource, OnLine, PortError, PortErrorKind, PortResult, Server};

/// Channels to the engine that are opened at once, before anything is asked: what an inventory asks at the same time.
const ENGINE_CHANNELS: usize = 6;

/// How long a small program on a host may take.
const LIMIT: Duration = Duration::from_secs(10);

/// A host that is connected and logged in to.
#[derive(Clone)]
pub struct Connected {
    session: Session,
    engine: DockerEngine,
}

impl Connected {
    /// Connects and logs in. Channels to the engine are on their way when this answers.
    pub async fn connect(
        access: &Access,
        name: &HostName,
        host: &config::Host,
        images: Arc<dyn ImageSource>,
    ) -> PortResult<Self> {
        let session = connect(access, name, host).await?;
        let socket = Box::new(SessionSocket { session: session.clone(), socket: Socket::docker() });
        let tables = Arc::new(Tables { session: session.clone() });
        let engine = DockerEngine::new(name.clone(), socket, images, tables)?;
        engine.open_ahead(ENGINE_CHANNELS);
        Ok(Self { session, engine })
    }

    /// The ports of the effects.
    pub fn host(&self) -> Host {
        let proxy = Box::new(SessionSocket { session: self.session.clone(), socket: Socket::proxy() });
        let router = ControlRouter::new(self.session.host().clone(), proxy);
        router.open_ahead();
        Host {
            engine: Arc::new(self.engine.clone()),
            router: Arc::new(router),
            archive: Arc::new(HostArchive::new(self.session.clone())),
        }
    }

    /// The engine, for consoles and logs.
    pub fn engine(&self) -> &DockerEngine {
        &self.engine
    }

    /// The connection, for what travelled over it.
    pub fn session(&self) -> &Session {
        &self.session
    }
}

/// Logs in to a server that may not be set up yet.
pub async fn server(access: &Access, name: &HostName, host: &config::Host) -> PortResult<Arc<dyn Server>> {
    let session = connect(access, name, host).await?;
    Ok(Arc::new(RemoteServer::new(name.clone(), SessionShell { session })))
}

async fn connect(access: &Access, name: &HostName, host: &config::Host) -> PortResult<Session> {
    Session::connect(access, name, host).await.map_err(|error| PortError {
        doing: error.to_string(),
        kind: PortErrorKind::Refused,
        hints: error.hints(),
        source: Some(Box::new(error.reason)),
    })
}

/// A unix socket of the host.
struct SessionSocket {
    session: Session,
    socket: Socket,
}

#[async_trait]
impl Dial for SessionSocket {
    async fn dial(&self) -> io::Result<Box<dyn Duplex>> {
        Ok(Box::new(self.session.dial(&self.socket).await?))
    }

    fn round_trips(&self) -> RoundTrips {
        self.session.round_trips().clone()
    }
}

/// What listens inside containers, as the host's kernel says it.
struct Tables {
    session: Session,
}

#[async_trait]
impl SocketTables for Tables {
    async fn tcp(&self, pid: u32) -> io::Result<String> {
        let output = self.session.run(&Command::SocketTables { pid }, b"", LIMIT).await.map_err(io::Error::other)?;
        // A kernel without IPv6 has no second table, so that a complaint alone is no failure.
        if output.stdout.is_empty() {
            return Err(io::Error::other(output.last_words()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Runs setup's programs.
struct SessionShell {
    session: Session,
}

#[async_trait]
impl Shell for SessionShell {
    async fn run(&self, program: Program, tell: OnLine<'_>) -> PortResult<u32> {
        let command = Command::Setup { arguments: program.arguments };
        let Process { mut stdin, stdout, stderr, ending } = self.session.start(&command).await.map_err(from_exec)?;
        let feed = async {
            // A program that does not want its input has its reasons, and its exit code says them.
            let _ = stdin.write_all(&program.input).await;
            let _ = stdin.shutdown().await;
        };
        let ((), (), ()) = tokio::join!(feed, lines(stdout, tell), lines(stderr, tell));
        match ending.wait().await {
            Ok(Exit::Code(code)) => Ok(code),
            Ok(Exit::Signal(signal)) => {
                Err(PortError::refused(command.words(), format!("it was ended by signal {signal}")))
            }
            Err(reason) => {
                let lost = format!("{} on {}", command.words(), self.session.host());
                Err(PortError::refused(lost, reason).kind(PortErrorKind::Lost))
            }
        }
    }
}

/// Tells lines as they come. A progress bar's carriage returns begin lines too.
async fn lines(pipe: super::exec::Pipe, tell: OnLine<'_>) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line).await, Ok(count) if count > 0) {
        let text = String::from_utf8_lossy(&line);
        for part in text.trim_end_matches(['\n', '\r']).split('\r') {
            tell(part);
        }
        line.clear();
    }
}
