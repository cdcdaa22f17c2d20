//! Byte streams to a unix socket of a host: straight through SSH where the server lets it, else through a program that
//! relays. The way that worked is kept for the next time.

use std::io;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll};
use std::time::Duration;

use russh::ChannelOpenFailure;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::command::{Command, ROOT};
use super::exec::{Ending, ExecError, Pipe, Process, Stdin, last_words};
use super::session::{OpenError, Session, Stream};
use crate::diagnostic::Hint;
use crate::name::HostName;

/// For a relay to say that it is ready; sudo and Docker's client may have to be loaded from a slow disk.
const READY: Duration = Duration::from_secs(15);

/// A unix socket of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    path: String,
    relay: Command,
}

impl Socket {
    /// The engine's.
    pub fn docker() -> Self {
        Self::docker_at("/var/run/docker.sock")
    }

    /// The engine's, somewhere else.
    pub fn docker_at(path: &str) -> Self {
        Self { path: path.to_owned(), relay: Command::RelayToDocker { socket: path.to_owned() } }
    }

    /// ship-proxy's control socket.
    pub fn proxy() -> Self {
        Self::at(&format!("{ROOT}/proxy/control.sock"))
    }

    /// Any other.
    pub fn at(path: &str) -> Self {
        Self { path: path.to_owned(), relay: Command::RelayTo { socket: path.to_owned() } }
    }

    /// Its path on the host.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// How a socket is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Straight,
    Relay,
}

/// A socket that could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("cannot reach {socket} on {host}")]
pub struct DialError {
    /// The host.
    pub host: HostName,
    /// The socket.
    pub socket: String,
    /// Why.
    #[source]
    pub reason: DialReason,
}

/// Why a socket could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum DialReason {
    /// No channel.
    #[error(transparent)]
    Open(OpenError),
    /// SSH could not, and no program could be started instead.
    #[error("SSH cannot reach it, and no program could be run instead")]
    Exec(#[source] ExecError),
    /// SSH could not, and the program could not either.
    #[error("{0}")]
    Relay(String),
}

impl DialError {
    /// The connection to the host is gone, so nothing else can be tried on it.
    pub fn is_lost(&self) -> bool {
        matches!(self.reason, DialReason::Open(OpenError::Lost(_) | OpenError::TimedOut))
    }
}

impl Hint for DialError {
    fn hints(&self) -> Vec<String> {
        let setup = || format!("ship setup prepares {}", self.host);
        match &self.reason {
            DialReason::Relay(said) if said.contains("not installed") => vec![setup()],
            DialReason::Relay(_) if self.socket.ends_with("docker.sock") => {
                vec![setup(), "or let this user use Docker there: sudo usermod -aG docker USER".to_owned()]
            }
            DialReason::Relay(_) => vec![setup()],
            DialReason::Open(error) => error.hints(),
            DialReason::Exec(error) => error.hints(),
        }
    }
}

impl From<DialError> for io::Error {
    fn from(error: DialError) -> Self {
        let kind = if error.is_lost() { io::ErrorKind::ConnectionReset } else { io::ErrorKind::ConnectionRefused };
        Self::new(kind, error)
    }
}

impl Session {
    /// Opens a byte stream to a socket.
    pub async fn dial(&self, socket: &Socket) -> Result<Dialed, DialError> {
        let failed = |reason| DialError { host: self.host().clone(), socket: socket.path.clone(), reason };
        let known = self.ways().lock().unwrap_or_else(PoisonError::into_inner).get(&socket.path).copied();
        let refusal = match known {
            Some(Way::Relay) => None,
            _ => match self.open_socket(&socket.path).await {
                Ok(stream) => {
                    self.keep_way(socket, Way::Straight);
                    return Ok(Dialed::Straight(Box::new(stream)));
                }
                Err(OpenError::Refused(refusal)) => Some(refusal),
                Err(error) => return Err(failed(DialReason::Open(error))),
            },
        };
        let relay = self.relay(socket).await.map_err(failed)?;
        // A socket that nobody serves at the moment is refused too, and is no reason to go the long way for ever.
        let forbidden = matches!(refusal, Some(ChannelOpenFailure::AdministrativelyProhibited));
        if forbidden || known.is_none() {
            self.keep_way(socket, Way::Relay);
        }
        Ok(Dialed::Relayed(Box::new(relay)))
    }

    fn keep_way(&self, socket: &Socket, way: Way) {
        self.ways().lock().unwrap_or_else(PoisonError::into_inner).insert(socket.path.clone(), way);
    }

    async fn relay(&self, socket: &Socket) -> Result<Relay, DialReason> {
        let process = self.start(&socket.relay).await.map_err(DialReason::Exec)?;
        let Process { stdin, mut stdout, mut stderr, ending } = process;
        let mut ready = [0; 3];
        let said = timeout(READY, stdout.read_exact(&mut ready)).await;
        if matches!(said, Ok(Ok(_))) && ready == *b"ok\n" {
            return Ok(Relay {
                stdin,
                stdout,
                stderr: Some(stderr),
                told: Vec::new(),
                received: false,
                _ending: ending,
            });
        }
        drop(stdin);
        let mut words = Vec::new();
        let _ = timeout(READY, stderr.read_to_end(&mut words)).await;
        Err(DialReason::Relay(match last_words(&words) {
            empty if empty.is_empty() => "the relay on the host gave no answer".to_owned(),
            words => words,
        }))
    }
}

/// A byte stream to a socket.
pub enum Dialed {
    /// Through SSH alone.
    Straight(Box<Stream>),
    /// Through a program.
    Relayed(Box<Relay>),
}

/// A program that relays.
pub struct Relay {
    stdin: Stdin,
    stdout: Pipe,
    stderr: Option<Pipe>,
    told: Vec<u8>,
    received: bool,
    _ending: Ending,
}

impl Relay {
    /// Takes what the program complains of, so that it never waits for a reader.
    fn listen(&mut self, cx: &mut Context<'_>) {
        while let Some(stderr) = &mut self.stderr {
            let mut bytes = [0; 1024];
            let mut buf = ReadBuf::new(&mut bytes);
            match Pin::new(stderr).poll_read(cx, &mut buf) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => self.told.extend_from_slice(buf.filled()),
                Poll::Ready(_) => self.stderr = None,
            }
        }
    }
}

impl AsyncRead for Relay {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.listen(cx);
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.stdout).poll_read(cx, buf);
        if matches!(polled, Poll::Ready(Ok(()))) {
            let nothing = buf.filled().len() == before && buf.remaining() > 0;
            // An end before any byte is no answer: the program says on stderr why.
            if nothing && !this.received {
                if this.stderr.is_some() {
                    return Poll::Pending;
                }
                let words = last_words(&this.told);
                if !words.is_empty() {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionRefused, words)));
                }
            }
            this.received |= !nothing;
        }
        polled
    }
}

impl AsyncWrite for Relay {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stdin).poll_write(cx, buf)
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stdin).poll_flush(cx)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stdin).poll_shutdown(cx)
    }
}

impl AsyncRead for Dialed {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Straight(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Relayed(relay) => Pin::new(relay).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Dialed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Straight(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Relayed(relay) => Pin::new(relay).poll_write(cx, buf),
        }
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Straight(stream) => Pin::new(stream).poll_flush(cx),
            Self::Relayed(relay) => Pin::new(relay).poll_flush(cx),
        }
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Straight(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Relayed(relay) => Pin::new(relay).poll_shutdown(cx),
        }
    }
}
