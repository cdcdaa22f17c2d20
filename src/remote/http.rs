//! HTTP/1.1 to a unix socket of a host. Opening a channel to it costs a round trip and so does each request, so
//! channels are kept open and used again; several at once let independent requests cost one round trip together.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use http_body_util::{Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::round_trips::RoundTrips;

/// A byte stream both ways, whatever carries it.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Opens byte streams to one unix socket of a host.
#[async_trait]
pub trait Dial: Send + Sync {
    /// Opens one more.
    async fn dial(&self) -> io::Result<Box<dyn Duplex>>;
    /// Where each request is counted as one.
    fn round_trips(&self) -> RoundTrips;
}

/// A request's body: what is known, or what comes along. (The type that bollard hands to its transport.)
pub type Body = Either<Full<Bytes>, StreamBody<Pin<Box<dyn Stream<Item = io::Result<Frame<Bytes>>> + Send>>>>;

/// A body of known bytes.
pub fn body(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No channel could be opened.
    #[error("cannot reach the socket")]
    Dial(#[source] io::Error),
    /// The channel broke.
    #[error("the connection broke")]
    Broken(#[source] hyper::Error),
}

/// A channel that is being opened and joins the idle ones.
type Opening = JoinHandle<Result<(), HttpError>>;

/// Channels to one socket.
pub struct Channels {
    dial: Box<dyn Dial>,
    trips: RoundTrips,
    idle: Mutex<Vec<SendRequest<Body>>>,
    /// Channels that are being opened ahead of need and that nobody waits for yet.
    ahead: Mutex<Vec<Opening>>,
    /// Told when a channel joins `idle`.
    joined: Notify,
}

impl Channels {
    /// No channel is opened yet.
    pub fn new(dial: Box<dyn Dial>) -> Arc<Self> {
        let (idle, ahead, joined) = (Mutex::default(), Mutex::default(), Notify::new());
        Arc::new(Self { trips: dial.round_trips(), dial, idle, ahead, joined })
    }

    /// Begins to open channels ahead of need, all in the same round trip. Those that fail are tried again when they are
    /// needed.
    pub fn open_ahead(self: &Arc<Self>, count: usize) {
        let opening = (0..count).map(|_| self.open());
        lock(&self.ahead).extend(opening);
    }

    /// Sends a request, over a channel that is idle or else over whichever is ready first: a new one or one that
    /// becomes idle meanwhile. A request that an idle channel turns out not to have taken is sent again.
    pub async fn request(self: &Arc<Self>, mut request: Request<Body>) -> Result<Response<Incoming>, HttpError> {
        // dockerd refuses a request without a host, and hyper's low-level client adds none.
        request.headers_mut().entry(HOST).or_insert(HeaderValue::from_static("ship"));
        loop {
            let mut channel = self.channel().await?;
            let waiting = self.trips.begin();
            match channel.try_send_request(request).await {
                Ok(response) => {
                    waiting.end(1);
                    self.keep(channel);
                    return Ok(response);
                }
                Err(mut refused) => match refused.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(broken(refused.into_error())),
                },
            }
        }
    }

    async fn channel(self: &Arc<Self>) -> Result<SendRequest<Body>, HttpError> {
        if let Some(channel) = self.take() {
            return Ok(channel);
        }
        // The answer before this one may have just been read: its channel joins as soon as others may run.
        tokio::task::yield_now().await;
        if let Some(channel) = self.take() {
            return Ok(channel);
        }
        let mut opening = self.opened_ahead().unwrap_or_else(|| self.open());
        loop {
            tokio::select! {
                opened = &mut opening => match opened {
                    Ok(result) => result?,
                    Err(ended) => return Err(HttpError::Dial(io::Error::other(ended))),
                },
                () = self.joined.notified() => {}
            }
            if let Some(channel) = self.take() {
                return Ok(channel);
            }
            if opening.is_finished() {
                opening = self.open();
            }
        }
    }

    fn take(&self) -> Option<SendRequest<Body>> {
        let mut idle = lock(&self.idle);
        while let Some(channel) = idle.pop() {
            if channel.is_ready() {
                return Some(channel);
            }
        }
        None
    }

    fn opened_ahead(&self) -> Option<Opening> {
        let mut ahead = lock(&self.ahead);
        ahead.retain(|opening| !opening.is_finished());
        ahead.pop()
    }

    /// Opens a channel that joins the idle ones.
    fn open(self: &Arc<Self>) -> Opening {
        let channels = Arc::clone(self);
        tokio::spawn(async move {
            let stream = channels.dial.dial().await.map_err(HttpError::Dial)?;
            let (mut channel, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
            // How a connection ends is told to whoever waits for an answer on it.
            tokio::spawn(connection.with_upgrades());
            channel.ready().await.map_err(broken)?;
            channels.join(channel);
            Ok(())
        })
    }

    /// Lets a channel join the idle ones as soon as its answer was read to the end.
    fn keep(self: &Arc<Self>, mut channel: SendRequest<Body>) {
        let channels = Arc::clone(self);
        tokio::spawn(async move {
            if channel.ready().await.is_ok() {
                channels.join(channel);
            }
        });
    }

    fn join(&self, channel: SendRequest<Body>) {
        lock(&self.idle).push(channel);
        self.joined.notify_one();
    }
}

/// A program that relays finds out that nobody serves the socket only when the channel is open.
fn broken(error: hyper::Error) -> HttpError {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    match cause.filter(|cause| cause.kind() == io::ErrorKind::ConnectionRefused) {
        Some(refusal) => HttpError::Dial(io::Error::new(refusal.kind(), refusal.to_string())),
        None => HttpError::Broken(error),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
