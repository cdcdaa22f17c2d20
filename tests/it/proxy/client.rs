//! Clients: bytes as they are, one request at a time, or a keep-alive connection.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// A keep-alive connection.
pub(super) struct KeepAlive {
    sender: SendRequest<Full<Bytes>>,
}

impl KeepAlive {
    pub(super) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        Self { sender }
    }

    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Answer> {
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body: String::from_utf8_lossy(&body).into_owned() })
    }

    pub(super) async fn get(&mut self, host: &str, path: &str) -> hyper::Result<Answer> {
        self.send(Request::get(path).header("host", host).body(Full::default()).unwrap()).await
    }
}

/// One GET on a connection of its own.
pub(super) async fn get(address: SocketAddr, host: &str, path: &str) -> Answer {
    KeepAlive::open(address).await.get(host, path).await.unwrap()
}

/// One request on a connection of its own.
pub(super) async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    KeepAlive::open(address).await.send(request).await.unwrap()
}

/// Sends bytes as they are and reads until the connection is closed, or for as long as an answer may take.
pub(super) async fn raw(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    // Silence after an answer is the end of it on a connection that is kept.
    while let Ok(Ok(count @ 1..)) = tokio::time::timeout(Duration::from_millis(300), stream.read(&mut piece)).await {
        answer.extend_from_slice(&piece[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}
