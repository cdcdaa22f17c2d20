//! The bytes below SSH: counted, kept an eye on, and remembered where they explain a failure. A connection that is lost
//! says so here once, for everybody who has a channel on it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::CancellationToken;

use super::gate::Queue;

/// After this long without a byte from a host that is asked every few seconds, it is gone. It covers what keepalives
/// cannot: a peer that takes no more bytes, so that not even a question can be sent.
pub(super) const SILENCE: Duration = Duration::from_secs(14);

/// A host that took a byte this recently is given the benefit of the doubt: over a slow link one write can take longer
/// than [`SILENCE`], and nobody listens meanwhile.
const PROGRESS: Duration = Duration::from_secs(4);

/// How much of what a server says first is kept for an error message.
const KEPT: usize = 120;

/// Bytes of one connection, with SSH's own overhead.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) up: AtomicU64,
    pub(super) down: AtomicU64,
    /// What the server said first.
    head: Mutex<Vec<u8>>,
    /// Someone answers keepalives now, so silence means death.
    watched: AtomicBool,
    /// What waits to be sent.
    pub(super) queue: Queue,
}

impl Traffic {
    pub(super) fn head(&self) -> Vec<u8> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn watch(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }

    fn received(&self, bytes: &[u8]) {
        let before = self.down.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if before < KEPT as u64 {
            let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
            let room = KEPT.saturating_sub(head.len());
            head.extend(bytes.iter().take(room));
        }
    }
}

/// A byte stream to a server.
pub(super) struct Wire<S> {
    stream: S,
    traffic: Arc<Traffic>,
    heard: Instant,
    sent: Instant,
    silence: Pin<Box<Sleep>>,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, traffic: Arc<Traffic>) -> Self {
        let now = Instant::now();
        Self { stream, traffic, heard: now, sent: now, silence: Box::pin(sleep(SILENCE)) }
    }

    fn check_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if !self.traffic.watched.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let due = (self.heard + SILENCE).max(self.sent + PROGRESS);
        if self.silence.deadline() != due {
            self.silence.as_mut().reset(due);
        }
        if self.silence.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let words = format!("nothing was heard from the host for {} s", SILENCE.as_secs());
        Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, words))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Pending => this.check_silence(cx).map(Err),
            Poll::Ready(result) => {
                let new = buf.filled().get(before..).unwrap_or_default();
                this.traffic.received(new);
                this.heard = Instant::now();
                Poll::Ready(result)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_write(cx, buf) {
            // While this waits nobody reads, so it alone can notice the silence.
            Poll::Pending => this.check_silence(cx).map(Err),
            Poll::Ready(Ok(written)) => {
                this.traffic.up.fetch_add(written as u64, Ordering::Relaxed);
                this.sent = Instant::now();
                Poll::Ready(Ok(written))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_flush(cx);
        if polled.is_ready() {
            this.traffic.queue.flushed();
        }
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// The end of a connection, known to all who use it.
#[derive(Debug, Clone, Default)]
pub(super) struct Loss(Arc<LossState>);

#[derive(Debug, Default)]
struct LossState {
    reason: OnceLock<String>,
    told: CancellationToken,
}

impl Loss {
    /// The connection ended; only the first reason counts.
    pub(super) fn tell(&self, reason: impl Into<String>) {
        let _ = self.0.reason.set(reason.into());
        self.0.told.cancel();
    }

    pub(super) fn reason(&self) -> Option<&str> {
        self.0.reason.get().map(String::as_str)
    }

    pub(super) fn token(&self) -> CancellationToken {
        self.0.told.clone()
    }

    /// As an error for those who read and write.
    pub(super) fn error(&self) -> io::Error {
        let reason = self.reason().unwrap_or("the connection ended");
        io::Error::new(io::ErrorKind::ConnectionReset, reason.to_owned())
    }
}
