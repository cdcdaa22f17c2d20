//! An app as tests need it: it tells what it got, and misbehaves when asked to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderMap, LOCATION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// A running app. Dropping it closes its port and all its connections.
pub(super) struct App {
    pub(super) address: SocketAddr,
    pub(super) told: Arc<Told>,
    _task: AbortOnDrop,
}

/// What it is told, and what it tells.
pub(super) struct Told {
    version: String,
    /// The status of `/up`.
    pub(super) up: AtomicU16,
    /// Requests to `/up`.
    pub(super) checks: AtomicU64,
    /// Connections accepted.
    pub(super) connections: AtomicU64,
    /// Heads of requests other than `/up`: target, then headers.
    pub(super) seen: Mutex<Vec<(String, HeaderMap)>>,
    /// Heads of requests to `/up`.
    pub(super) seen_checks: Mutex<Vec<HeaderMap>>,
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Body = BoxBody<Bytes, Infallible>;

impl App {
    /// Starts on a free port.
    pub(super) async fn start(version: &str) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), version)
    }

    pub(super) fn on(listener: TcpListener, version: &str) -> Self {
        let told = Arc::new(Told {
            version: version.to_owned(),
            up: AtomicU16::new(200),
            checks: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            seen: Mutex::default(),
            seen_checks: Mutex::default(),
        });
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(accept(listener, Arc::clone(&told)));
        Self { address, told, _task: AbortOnDrop(task) }
    }

    /// The last request, as it arrived: target and headers.
    pub(super) fn last(&self) -> (String, HeaderMap) {
        self.told.seen.lock().unwrap().last().cloned().unwrap()
    }
}

async fn accept(listener: TcpListener, told: Arc<Told>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        told.connections.fetch_add(1, Ordering::Relaxed);
        let told = Arc::clone(&told);
        connections.spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&told), request));
            let http = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            let _ = http.with_upgrades().await;
        });
    }
}

async fn answer(told: Arc<Told>, mut request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    if path == "/up" {
        told.checks.fetch_add(1, Ordering::Relaxed);
        told.seen_checks.lock().unwrap().push(request.headers().clone());
        let status = StatusCode::from_u16(told.up.load(Ordering::Relaxed)).unwrap();
        let mut response = text(format!("up says {status}"));
        *response.status_mut() = status;
        if status.is_redirection() {
            response.headers_mut().insert(LOCATION, "https://login.test/".parse().unwrap());
        }
        return Ok(response);
    }
    told.seen.lock().unwrap().push((request.uri().to_string(), request.headers().clone()));
    Ok(match path.as_str() {
        "/version" => text(told.version.clone()),
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(query.parse().unwrap())).await;
            text(told.version.clone())
        }
        "/echo" => Response::new(request.into_body().map_err(|_| unreachable!("a body")).boxed()),
        "/count" => {
            let mut body = request.into_body();
            let mut count = 0;
            while let Some(frame) = body.frame().await {
                count += frame.map_or(0, |frame| frame.data_ref().map_or(0, Bytes::len));
            }
            text(count.to_string())
        }
        "/refuse" => {
            let mut response = text("too large".to_owned());
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            response
        }
        "/not-modified" => {
            let mut response = Response::new(Full::default().boxed());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().insert("etag", "\"1\"".parse().unwrap());
            response
        }
        "/zeros" => zeros(query.parse().unwrap()),
        "/events" => events(),
        "/ws" if request.headers().contains_key(UPGRADE) => websocket(&mut request),
        _ => text(format!("{} {path}", told.version)),
    })
}

fn text(text: String) -> Response<Body> {
    Response::new(Full::from(text).boxed())
}

fn zeros(megabytes: u64) -> Response<Body> {
    let piece = Bytes::from(vec![0; 1024 * 1024]);
    let pieces = futures_util::stream::iter((0..megabytes).map(move |_| Ok(Frame::data(piece.clone()))));
    Response::new(BodyExt::boxed(StreamBody::new(pieces)))
}

fn events() -> Response<Body> {
    let events = futures_util::stream::unfold(0, |count| async move {
        if count > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Some((Ok(Frame::data(Bytes::from(format!("data: {count}\n\n")))), count + 1))
    });
    let mut response = Response::new(BodyExt::boxed(StreamBody::new(events)));
    response.headers_mut().insert(CONTENT_TYPE, "text/event-stream; charset=utf-8".parse().unwrap());
    response
}

fn websocket(request: &mut Request<Incoming>) -> Response<Body> {
    let key = request.headers().get(SEC_WEBSOCKET_KEY).unwrap().clone();
    let upgraded = hyper::upgrade::on(&mut *request);
    tokio::spawn(async move {
        let stream = TokioIo::new(upgraded.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() || socket.send(message).await.is_err() {
                break;
            }
        }
    });
    let mut response = Response::new(Full::default().boxed());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, "upgrade".parse().unwrap());
    headers.insert(UPGRADE, "websocket".parse().unwrap());
    headers.insert(SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()).parse().unwrap());
    response
}

/// An app that answers checks, and for anything else does what it is given: the stream with the request's head already
/// read, and the number of the request on its connection.
pub(super) async fn raw<F, R>(handle: F) -> SocketAddr
where
    F: Fn(TcpStream, String) -> R + Clone + Send + 'static,
    R: Future<Output = Option<TcpStream>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let handle = handle.clone();
            tokio::spawn(async move {
                while let Some(head) = read_head(&mut stream).await {
                    if head.starts_with("GET /up ") {
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                        continue;
                    }
                    match handle(stream, head).await {
                        Some(open) => stream = open,
                        None => return,
                    }
                }
            });
        }
    });
    address
}

/// Reads to the end of a head, byte by byte, so that nothing of the body is taken.
pub(super) async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}
