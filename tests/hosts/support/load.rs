//! Users: constant requests of every kind, counted. Nothing that a user would notice may go unseen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

/// How many users ask over a connection that they keep, and how many over a new one each time.
const KEEPERS: usize = 4;
const NEWCOMERS: usize = 2;

/// What the users saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Answers of all kinds.
    pub(crate) answered: u64,
    /// Everything that went wrong, in words.
    pub(crate) failures: Vec<String>,
}

/// Load on one server until it is stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    runtime: tokio::runtime::Runtime,
    users: JoinSet<Result<(), String>>,
    answered: Arc<AtomicU64>,
}

impl Load {
    /// Begins: keep-alive and new connections, requests of two seconds, a websocket and an event stream.
    pub(crate) fn on(address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut load = Self { stop: Arc::default(), runtime, users: JoinSet::new(), answered: Arc::default() };
        let address = format!("{address}:80");
        for _ in 0..KEEPERS {
            load.add(keeper(load.user(&address), "/version"));
        }
        load.add(keeper(load.user(&address), "/slow?ms=2000"));
        for _ in 0..NEWCOMERS {
            load.add(newcomer(load.user(&address)));
        }
        load.add(websocket(load.user(&address)));
        load.add(events(load.user(&address)));
        load
    }

    /// Ends and tells what the users saw.
    pub(crate) fn stop(mut self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let mut failures = Vec::new();
        self.runtime.block_on(async {
            while let Some(end) = self.users.join_next().await {
                if let Err(failure) = end.unwrap() {
                    failures.push(failure);
                }
            }
        });
        Seen { answered: self.answered.load(Ordering::Relaxed), failures }
    }

    fn user(&self, address: &str) -> User {
        User { address: address.to_owned(), stop: Arc::clone(&self.stop), answered: Arc::clone(&self.answered) }
    }

    fn add(&mut self, user: impl Future<Output = Result<(), String>> + Send + 'static) {
        self.users.spawn_on(user, self.runtime.handle());
    }
}

struct User {
    address: String,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
}

impl User {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn got_answer(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>, String> {
        let stream = TcpStream::connect(&self.address).await.map_err(|error| format!("connect: {error}"))?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| format!("handshake: {error}"))?;
        tokio::spawn(connection);
        Ok(sender)
    }

    fn request(&self, path: &str) -> hyper::Request<Empty<Bytes>> {
        hyper::Request::get(path).header("host", &self.address).body(Empty::new()).unwrap()
    }
}

/// Asks over one connection. The server may close it between two requests only by saying so before.
async fn keeper(user: User, path: &'static str) -> Result<(), String> {
    let mut sender = user.connect().await?;
    while user.goes_on() {
        let failed = |error: hyper::Error| format!("{path} on a kept connection: {error:?}");
        let answer = sender.send_request(user.request(path)).await.map_err(failed)?;
        let status = answer.status();
        let closes = answer.headers().get("connection").is_some_and(|value| value == "close");
        answer.into_body().collect().await.map_err(failed)?;
        if !status.is_success() {
            return Err(format!("{path} on a kept connection: {status}"));
        }
        user.got_answer();
        if closes {
            sender = user.connect().await?;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// Asks over a new connection each time.
async fn newcomer(user: User) -> Result<(), String> {
    while user.goes_on() {
        let mut sender = user.connect().await?;
        let failed = |error: hyper::Error| format!("a new connection: {error:?}");
        let answer = sender.send_request(user.request("/version")).await.map_err(failed)?;
        let status = answer.status();
        answer.into_body().collect().await.map_err(failed)?;
        if !status.is_success() {
            return Err(format!("a new connection: {status}"));
        }
        user.got_answer();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Talks over a websocket; a proper close is answered with a new one, a reset is a failure.
async fn websocket(user: User) -> Result<(), String> {
    while user.goes_on() {
        let stream = TcpStream::connect(&user.address).await.map_err(|error| format!("websocket: {error}"))?;
        let url = format!("ws://{}/ws", user.address);
        let (mut socket, _) = tokio_tungstenite::client_async(url, stream)
            .await
            .map_err(|error| format!("websocket handshake: {error}"))?;
        while user.goes_on() {
            if socket.send(Message::text("hello")).await.is_err() {
                // Closing has begun; what follows says how.
            }
            match socket.next().await {
                Some(Ok(Message::Close(_))) | None => break,
                Some(Ok(_)) => user.got_answer(),
                Some(Err(error)) => return Err(format!("websocket: {error}")),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

/// Listens to events; the stream may end, but not break.
async fn events(user: User) -> Result<(), String> {
    while user.goes_on() {
        let mut sender = user.connect().await?;
        let failed = |error: hyper::Error| format!("event stream: {error:?}");
        let answer = sender.send_request(user.request("/events")).await.map_err(failed)?;
        if !answer.status().is_success() {
            return Err(format!("event stream: {}", answer.status()));
        }
        let mut body = answer.into_body();
        while user.goes_on() {
            match body.frame().await {
                Some(frame) => {
                    frame.map_err(failed)?;
                    user.got_answer();
                }
                None => break,
            }
        }
    }
    Ok(())
}
