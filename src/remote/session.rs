//! One connection to one host, and the channels on it.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use russh::client::Msg;
use russh::{Channel, ChannelOpenFailure, ChannelStream, Disconnect};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::command::Command;
use super::connect::Line;
use super::dial::Way;
use super::gate::Gate;
use super::round_trips::RoundTrips;
use super::ssh_config::Target;
use super::wire::Loss;
use crate::diagnostic::Hint;
use crate::name::HostName;

/// A host that answers keepalives answers this in time too, or something is wrong with it.
const OPEN: Duration = Duration::from_secs(20);
/// How long to wait for a session channel of our own to end where the server allows no more of them.
const FREE_SLOT: Duration = Duration::from_secs(30);
/// The server counts a session for a moment after we have seen its end.
const SLOT_PAUSE: Duration = Duration::from_millis(100);

/// A connection that is logged in. Clones are the same connection; it ends when the last one and all its channels are
/// gone.
#[derive(Clone)]
pub struct Session(Arc<Shared>);

struct Shared {
    name: HostName,
    target: Target,
    line: Line,
    trips: RoundTrips,
    slots: Slots,
    ways: Mutex<BTreeMap<String, Way>>,
    /// The jump host's connection, which this one runs in.
    _via: Option<Session>,
}

/// Why a channel could not be opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenError {
    /// The connection is gone.
    #[error("the connection is lost: {0}")]
    Lost(String),
    /// The server refused.
    #[error("the host refused: {}", refusal(.0))]
    Refused(ChannelOpenFailure),
    /// No session channel became free.
    #[error("the host allows only {0} sessions at a time on one connection (MaxSessions)")]
    TooMany(usize),
    /// No answer on a connection that lives.
    #[error("the host did not answer within {} s", OPEN.as_secs())]
    TimedOut,
}

impl Hint for OpenError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::TooMany(_) => vec!["raise MaxSessions in the host's /etc/ssh/sshd_config to 10 or more".to_owned()],
            Self::Lost(_) | Self::Refused(_) | Self::TimedOut => Vec::new(),
        }
    }
}

fn refusal(failure: &ChannelOpenFailure) -> String {
    match failure {
        ChannelOpenFailure::AdministrativelyProhibited => "it is forbidden there".to_owned(),
        ChannelOpenFailure::ConnectFailed => "it could not connect".to_owned(),
        ChannelOpenFailure::UnknownChannelType => "it does not know this kind of channel".to_owned(),
        ChannelOpenFailure::ResourceShortage => "it has too little of something".to_owned(),
        ChannelOpenFailure::Other { reason, code } => format!("{reason} ({code})"),
    }
}

impl Session {
    pub(super) fn new(name: HostName, target: Target, line: Line, via: Option<Self>) -> Self {
        let session = Self(Arc::new(Shared {
            name,
            target,
            line,
            trips: RoundTrips::new(),
            slots: Slots::default(),
            ways: Mutex::default(),
            _via: via,
        }));
        session.hurry();
        session
    }

    /// Runs a program that does nothing, which nobody waits for. OpenSSH's server leaves Nagle's algorithm on until the
    /// first program, and with it every answer that comes in two pieces, as HTTP's often do, takes a round trip more.
    fn hurry(&self) {
        let (session, slot) = (self.clone(), self.0.slots.take());
        tokio::spawn(async move {
            // A server that runs no programs may answer more slowly; that is all.
            if let Ok(mut channel) = session.0.line.handle.channel_open_session().await {
                let _ = channel.exec(false, Command::Nothing.line()).await;
                while channel.wait().await.is_some() {}
            }
            drop(slot);
        });
    }

    /// The host as `ship.toml` calls it.
    pub fn host(&self) -> &HostName {
        &self.0.name
    }

    /// Who is logged in there.
    pub fn user(&self) -> &str {
        &self.0.target.user
    }

    /// The sequential round trips since the login; everybody who waits for this host counts here.
    pub fn round_trips(&self) -> &RoundTrips {
        &self.0.trips
    }

    /// Bytes sent so far, with all that SSH adds.
    pub fn bytes_up(&self) -> u64 {
        self.0.line.traffic.up.load(Ordering::Relaxed)
    }

    /// Bytes received so far, with all that SSH adds.
    pub fn bytes_down(&self) -> u64 {
        self.0.line.traffic.down.load(Ordering::Relaxed)
    }

    /// Ends when the connection has ended, with the reason.
    pub async fn lost(&self) -> String {
        self.loss().token().cancelled().await;
        self.loss().reason().unwrap_or_default().to_owned()
    }

    /// Says goodbye. Dropping the session ends it too, without the word.
    pub async fn close(self) {
        let _ = self.0.line.handle.disconnect(Disconnect::ByApplication, "done", "en").await;
        // The word leaves with the connection's own task, which ends behind it.
        let _ = timeout(Duration::from_millis(200), self.lost()).await;
    }

    pub(super) fn loss(&self) -> &Loss {
        &self.0.line.loss
    }

    /// A way to the wire for one more writer.
    pub(super) fn gate(&self) -> Gate {
        Gate::new(self.0.line.traffic.queue.clone(), self.loss().clone())
    }

    pub(super) fn ways(&self) -> &Mutex<BTreeMap<String, Way>> {
        &self.0.ways
    }

    pub(super) fn host_words(&self) -> String {
        self.0.target.to_string()
    }

    /// A stream to a TCP port, as the server reaches it.
    pub(super) async fn open_tcp(&self, host: &str, port: u16) -> Result<Stream, OpenError> {
        let opening = self.0.line.handle.channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0);
        let channel = self.opened(opening).await?;
        Ok(Stream::new(self, channel))
    }

    /// A stream to a unix socket of the server.
    pub(super) async fn open_socket(&self, path: &str) -> Result<Stream, OpenError> {
        let channel = self.opened(self.0.line.handle.channel_open_direct_streamlocal(path)).await?;
        Ok(Stream::new(self, channel))
    }

    /// A channel for a program. Where the server allows no more of them at a time, this waits for one of ours to end.
    pub(super) async fn open_session(&self) -> Result<(Channel<Msg>, Slot), OpenError> {
        let slots = &self.0.slots;
        let patient_until = Instant::now() + FREE_SLOT;
        let mut alone_until = Instant::now() + SLOT_PAUSE * 10;
        loop {
            let freed = slots.0.freed.notified();
            match self.opened(self.0.line.handle.channel_open_session()).await {
                Ok(channel) => return Ok((channel, slots.take())),
                Err(refused @ OpenError::Refused(_)) => {
                    let in_use = slots.in_use();
                    if in_use > 0 {
                        alone_until = Instant::now() + SLOT_PAUSE * 10;
                    }
                    if Instant::now() > patient_until {
                        return Err(OpenError::TooMany(in_use));
                    }
                    if Instant::now() > alone_until {
                        return Err(refused);
                    }
                }
                Err(error) => return Err(error),
            }
            let _ = timeout(SLOT_PAUSE, freed).await;
        }
    }

    async fn opened(
        &self,
        opening: impl Future<Output = Result<Channel<Msg>, russh::Error>>,
    ) -> Result<Channel<Msg>, OpenError> {
        let waiting = self.0.trips.begin();
        let result = timeout(OPEN, opening).await;
        waiting.end(1);
        match result {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(russh::Error::ChannelOpenFailure(failure))) => Err(OpenError::Refused(failure)),
            Ok(Err(error)) => {
                Err(OpenError::Lost(self.loss().reason().map_or_else(|| error.to_string(), str::to_owned)))
            }
            Err(_) => Err(OpenError::TimedOut),
        }
    }
}

/// The session channels in use: sshd allows ten on a connection unless told otherwise.
#[derive(Clone, Default)]
struct Slots(Arc<SlotState>);

#[derive(Default)]
struct SlotState {
    in_use: AtomicUsize,
    freed: Notify,
}

impl Slots {
    fn take(&self) -> Slot {
        self.0.in_use.fetch_add(1, Ordering::Relaxed);
        Slot(self.clone())
    }

    fn in_use(&self) -> usize {
        self.0.in_use.load(Ordering::Relaxed)
    }
}

/// A session channel in use, free again when this is dropped.
pub(super) struct Slot(Slots);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.0.in_use.fetch_sub(1, Ordering::Relaxed);
        self.0.0.freed.notify_waiters();
    }
}

/// A byte stream over a channel. Unlike russh's own it never takes a lost connection for the end of the data, and never
/// waits for one.
pub struct Stream {
    channel: ChannelStream<Msg>,
    gate: Gate,
    _session: Session,
}

impl Stream {
    fn new(session: &Session, channel: Channel<Msg>) -> Self {
        Self { channel: channel.into_stream(), gate: session.gate(), _session: session.clone() }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        match Pin::new(&mut this.channel).poll_read(cx, buf) {
            Poll::Pending => this.gate.poll_lost(cx),
            Poll::Ready(Ok(())) if buf.filled().len() == before && this.gate.loss().reason().is_some() => {
                Poll::Ready(Err(this.gate.loss().error()))
            }
            ready @ Poll::Ready(_) => ready,
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.gate.poll_write(cx, Pin::new(&mut this.channel), buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().channel).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.channel).poll_shutdown(cx) {
            Poll::Pending => this.gate.poll_lost(cx),
            ready @ Poll::Ready(_) => ready,
        }
    }
}
