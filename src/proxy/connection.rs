//! One client connection: TLS, which HTTP it speaks, its limits, and how it ends when ship-proxy does.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Version, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::forward::{self, Front};
use super::headers::Peer;
use super::notice;

/// For the head of a request, and for an idle connection until its next one.
const HEAD: Duration = Duration::from_secs(30);

/// For a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The most header fields of a request.
const MOST_HEADERS: usize = 100;

/// The longest head of a request.
const LONGEST_HEAD: usize = 64 * 1024;

/// The most requests at the same time on one HTTP/2 connection.
const MOST_STREAMS: u32 = 128;

/// What ship-proxy is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It serves.
    Serving,
    /// It ends: nothing new is accepted, answers say `Connection: close`, and idle connections are still read.
    Closing,
    /// Idle connections are closed.
    Ending,
}

/// What all connections share. Its clones are counted by `alive`: when all are gone, all connections have ended.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) front: Arc<Front>,
    pub(super) phase: watch::Receiver<Phase>,
    pub(super) alive: mpsc::Sender<Infallible>,
}

/// Accepts connections until ship-proxy ends.
pub(super) async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, mut shared: Shared) {
    let port = listener.local_addr().map(|address| address.port()).unwrap_or_default();
    let scheme = if tls.is_some() { "https" } else { "http" };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = shared.phase.wait_for(|phase| *phase != Phase::Serving) => return,
        };
        match accepted {
            Ok((stream, address)) => {
                let peer = Peer { client: address.ip().to_canonical(), scheme, port };
                tokio::spawn(serve(stream, peer, tls.clone(), shared.clone()));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Most likely no file descriptors are left: wait for connections to end.
                notice(&format!("port {port} accepts nothing: {error}"));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Serves a connection, which may not even say what it speaks before ship-proxy ends.
async fn serve(stream: TcpStream, peer: Peer, tls: Option<TlsAcceptor>, shared: Shared) {
    // Without it answers are only slower.
    let _ = stream.set_nodelay(true);
    let mut phase = shared.phase.clone();
    let ending = phase.wait_for(|phase| *phase == Phase::Ending);
    let Some(spoken) = (tokio::select! {
        spoken = begin(stream, tls) => spoken,
        _ = ending => None,
    }) else {
        return;
    };
    match spoken {
        Spoken::Http1(stream) => serve_http1(stream, peer, shared).await,
        Spoken::Http2(stream) => serve_http2(stream, peer, shared).await,
        Spoken::Http1Tls(stream) => serve_http1(stream, peer, shared).await,
        Spoken::Http2Tls(stream) => serve_http2(stream, peer, shared).await,
    }
}

/// A connection that has said what it speaks.
enum Spoken {
    Http1(TcpStream),
    Http2(TcpStream),
    Http1Tls(Box<TlsStream<TcpStream>>),
    Http2Tls(Box<TlsStream<TcpStream>>),
}

/// `None`: silent for too long, or gone.
async fn begin(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Spoken> {
    let Some(tls) = tls else {
        let http2 = tokio::time::timeout(HEAD, speaks_http2(&stream)).await.ok()?.ok()?;
        return Some(if http2 { Spoken::Http2(stream) } else { Spoken::Http1(stream) });
    };
    let stream = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await.ok()?.ok()?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        Some(Spoken::Http2Tls(Box::new(stream)))
    } else {
        Some(Spoken::Http1Tls(Box::new(stream)))
    }
}

/// Whether HTTP/2 is spoken with prior knowledge (RFC 9113, section 3.3): no method of HTTP/1.1 begins like its
/// preface.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    const PREFACE: &[u8] = b"PRI ";
    let mut start = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut start).await?;
        let seen = start.get(..count).unwrap_or_default();
        if count == 0 || !PREFACE.starts_with(seen) {
            return Ok(false);
        }
        if seen == PREFACE {
            return Ok(true);
        }
        // Peeking again answers at once with the same bytes.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn serve_http1(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer, shared: Shared) {
    let Shared { front, mut phase, alive } = shared;
    let service = {
        let phase = phase.clone();
        service_fn(move |request: Request<Incoming>| {
            let (front, phase) = (Arc::clone(&front), phase.clone());
            async move {
                let mut response = forward::answer(&front, &peer, request).await;
                let ends = *phase.borrow() != Phase::Serving && !response.status().is_informational();
                if ends || response.body().hangs_up {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
        })
    };
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(MOST_HEADERS)
        .max_header_size(LONGEST_HEAD)
        .max_buf_size(LONGEST_HEAD);
    let mut connection = pin!(http.serve_connection(TokioIo::new(io), service).with_upgrades());
    // An error is a client that went away, or did not speak HTTP and was told so.
    let ended = tokio::select! {
        _ = connection.as_mut() => true,
        _ = phase.wait_for(|phase| *phase == Phase::Ending) => false,
    };
    if !ended {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
    drop(alive);
}

async fn serve_http2(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: Peer, shared: Shared) {
    let Shared { front, mut phase, alive } = shared;
    let service = service_fn(move |request: Request<Incoming>| {
        let front = Arc::clone(&front);
        async move {
            let mut response = forward::answer(&front, &peer, request).await;
            *response.version_mut() = Version::HTTP_2;
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(u32::try_from(LONGEST_HEAD).unwrap_or(u32::MAX))
        .keep_alive_interval(HEAD)
        .keep_alive_timeout(HEAD);
    let mut connection = pin!(http.serve_connection(TokioIo::new(io), service));
    let ended = tokio::select! {
        _ = connection.as_mut() => true,
        _ = phase.wait_for(|phase| *phase != Phase::Serving) => false,
    };
    if !ended {
        // GOAWAY, twice: what is under way is still answered, and the client opens a new connection.
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
    drop(alive);
}
