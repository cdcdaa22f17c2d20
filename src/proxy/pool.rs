//! Connections to the app. A connection is driven by the task of the request that it carries, not by one of its own:
//! no task switch per request, and when one is taken from the pool, looking at it once tells whether the app has closed
//! it in the meantime.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::outgoing::Outgoing;

/// Apps close idle connections; the longer one was idle, the likelier it is closed while it is taken.
const LONGEST_IDLE: Duration = Duration::from_secs(1);

/// What cannot be replayed goes only on a connection that was used a moment ago: a pool of 4 s lost 14 to 25 of 5,000
/// POSTs, one of 0.5 s none.
const LONGEST_IDLE_UNSAFE: Duration = Duration::from_millis(500);

/// More idle connections than this to one target are not worth their memory.
const MOST_IDLE: usize = 256;

/// Bounds what a target's answer may take before it is passed on: the head of the answer, and a piece of its body.
const BUFFER: usize = 128 * 1024;

/// One connection.
pub(super) struct Connection {
    sender: SendRequest<Outgoing>,
    driver: Driver,
    /// Whether it has carried a request before.
    pub(super) reused: bool,
}

/// The half of a connection that moves bytes when it is polled.
struct Driver {
    inner: http1::Connection<TokioIo<TcpStream>, Outgoing>,
    done: bool,
}

impl Driver {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.done {
            // Its error reaches the request through the sender or the body.
            self.done = self.inner.poll_without_shutdown(cx).is_ready();
        }
        if self.done { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Connection {
    /// Connects, within the time.
    pub(super) async fn open(address: SocketAddr, limit: Duration) -> io::Result<Self> {
        let stream = match tokio::time::timeout(limit, TcpStream::connect(address)).await {
            Ok(connected) => connected?,
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        };
        stream.set_nodelay(true)?;
        let handshake = http1::Builder::new().max_buf_size(BUFFER).handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(io::Error::other)?;
        let driver = Driver { inner: connection, done: false };
        Ok(Self { sender, driver, reused: false })
    }

    /// Sends a request and waits for the head of the answer. An error holds the request if no byte of it was sent.
    pub(super) async fn send(
        &mut self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Outgoing>>> {
        let Self { sender, driver, .. } = self;
        let mut answer = pin!(sender.try_send_request(request));
        poll_fn(|cx| {
            let _ = driver.poll(cx);
            answer.as_mut().poll(cx)
        })
        .await
    }

    /// Moves bytes; the bodies of request and answer stand still without it.
    pub(super) fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.driver.poll(cx)
    }

    /// After 101: the connection itself, and what has already been read of the new protocol.
    pub(super) async fn into_stream(mut self) -> (TcpStream, Bytes) {
        poll_fn(|cx| self.poll_drive(cx)).await;
        let parts = self.driver.inner.into_parts();
        (parts.io.into_inner(), parts.read_buf)
    }

    /// Whether it could carry a request now. Bytes, or an end, that the app has sent meanwhile show here.
    pub(super) fn is_usable(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.poll_drive(&mut cx).is_pending() && self.sender.is_ready()
    }

    /// The first bytes of a body, for a report.
    pub(super) async fn read_start(&mut self, mut body: Incoming, most: usize) -> Vec<u8> {
        let mut start = Vec::new();
        while start.len() < most {
            let frame = poll_fn(|cx| {
                if let Poll::Ready(frame) = Pin::new(&mut body).poll_frame(cx) {
                    return Poll::Ready(frame);
                }
                let _ = self.poll_drive(cx);
                Pin::new(&mut body).poll_frame(cx)
            });
            match frame.await {
                Some(Ok(frame)) => start.extend_from_slice(frame.data_ref().map_or(&[], Bytes::as_ref)),
                Some(Err(_)) | None => break,
            }
        }
        start.truncate(most);
        start
    }
}

/// Idle connections to one target.
#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<Vec<Idle>>,
    closed: AtomicBool,
}

struct Idle {
    connection: Connection,
    since: Instant,
    keep: Duration,
}

impl Pool {
    /// A connection that is believed to be open, the most recently used first.
    pub(super) fn take(&self, replayable: bool) -> Option<Connection> {
        loop {
            // Not in one expression with what follows: the lock must not be held while the connection is looked at.
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Idle { mut connection, since, keep } = idle?;
            let longest = if replayable { keep } else { keep.min(LONGEST_IDLE_UNSAFE) };
            if since.elapsed() < longest && connection.is_usable() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next request, for the time.
    pub(super) fn put(&self, mut connection: Connection, keep: Duration) {
        if keep.is_zero() || !connection.is_usable() {
            return;
        }
        connection.reused = true;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the lock, so that nothing is put into a pool after `close` has emptied it.
        if idle.len() < MOST_IDLE && !self.closed.load(Ordering::Relaxed) {
            idle.push(Idle { connection, since: Instant::now(), keep });
        }
    }

    /// Closes what was idle for too long.
    pub(super) fn sweep(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).retain(|idle| idle.since.elapsed() < idle.keep);
    }

    /// Closes all idle connections, and those in use after their request.
    pub(super) fn close(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        self.closed.store(true, Ordering::Relaxed);
        idle.clear();
    }
}

/// How long a connection may be kept after this answer: well below what the app says it will wait
/// (`Keep-Alive: timeout=5`), and never longer than [`LONGEST_IDLE`].
pub(super) fn keep_for(headers: &HeaderMap) -> Duration {
    let said = headers.get("keep-alive").and_then(|value| value.to_str().ok()).and_then(|value| {
        let timeout = value.split(',').find_map(|part| part.trim().strip_prefix("timeout="))?;
        timeout.trim().parse::<u32>().ok()
    });
    said.map_or(LONGEST_IDLE, |seconds| (Duration::from_secs(u64::from(seconds)) / 2).min(LONGEST_IDLE))
}
