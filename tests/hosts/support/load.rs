//! Users: constant requests of every kind, counted. Nothing that a user would notice may go unseen.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

/// How many users ask over a connection that they keep, and how many over a new one each time.
const KEEPERS: usize = 4;
const NEWCOMERS: usize = 2;

/// Nobody waits longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Then a user tries again.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

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
    runtime: tokio::runtime::Runtime,
    users: JoinSet<()>,
    shared: Arc<Shared>,
}

/// What all users have in common.
struct Shared {
    address: String,
    stop: AtomicBool,
    answered: AtomicU64,
    failures: Mutex<Vec<String>>,
}

impl Load {
    /// Begins: keep-alive and new connections, requests of two seconds, a websocket and an event stream.
    pub(crate) fn on(address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let shared = Arc::new(Shared {
            address: format!("{address}:80"),
            stop: AtomicBool::default(),
            answered: AtomicU64::default(),
            failures: Mutex::default(),
        });
        let mut load = Self { runtime, users: JoinSet::new(), shared };
        for _ in 0..KEEPERS {
            load.add(Habit::KeepsConnection("/version"));
        }
        load.add(Habit::KeepsConnection("/slow?ms=2000"));
        for _ in 0..NEWCOMERS {
            load.add(Habit::ComesAnew);
        }
        load.add(Habit::Talks);
        load.add(Habit::Listens);
        load
    }

    fn add(&mut self, habit: Habit) {
        let user = User(Arc::clone(&self.shared));
        self.users.spawn_on(user.live(habit), self.runtime.handle());
    }

    /// Ends and tells what the users saw.
    pub(crate) fn stop(mut self) -> Seen {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.runtime.block_on(async {
            while let Some(end) = self.users.join_next().await {
                end.unwrap();
            }
        });
        let answered = self.shared.answered.load(Ordering::Relaxed);
        Seen { answered, failures: std::mem::take(&mut self.shared.failures.lock().unwrap()) }
    }
}

/// What a user does all day.
#[derive(Clone, Copy)]
enum Habit {
    KeepsConnection(&'static str),
    ComesAnew,
    Talks,
    Listens,
}

struct User(Arc<Shared>);

impl User {
    /// Goes on after a failure, as people do.
    async fn live(self, habit: Habit) {
        while self.goes_on() {
            let end = match habit {
                Habit::KeepsConnection(path) => keeper(&self, path).await,
                Habit::ComesAnew => newcomer(&self).await,
                Habit::Talks => websocket(&self).await,
                Habit::Listens => events(&self).await,
            };
            if let Err(failure) = end {
                self.0.failures.lock().unwrap().push(failure);
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }

    fn goes_on(&self) -> bool {
        !self.0.stop.load(Ordering::Relaxed)
    }

    fn got_answer(&self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>, String> {
        let stream = in_time("connect", TcpStream::connect(&self.0.address)).await?;
        let (sender, connection) = in_time("handshake", http1::handshake(TokioIo::new(stream))).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Asks and reads the head of the answer, which must say success.
    async fn ask(
        &self,
        what: &str,
        sender: &mut SendRequest<Empty<Bytes>>,
        path: &str,
    ) -> Result<Response<Incoming>, String> {
        let request = Request::get(path).header("host", &self.0.address).body(Empty::new()).unwrap();
        let answer = in_time(what, sender.send_request(request)).await?;
        if answer.status().is_success() { Ok(answer) } else { Err(format!("{what}: {}", answer.status())) }
    }
}

/// The result of some work, or why there is none.
async fn in_time<T, E: std::fmt::Debug>(what: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(result) => result.map_err(|error| format!("{what}: {error:?}")),
        Err(_) => Err(format!("{what}: nothing came within {} s", PATIENCE.as_secs())),
    }
}

/// Asks over one connection. The server may close it between two requests only by saying so before.
async fn keeper(user: &User, path: &'static str) -> Result<(), String> {
    let what = format!("{path} on a kept connection");
    let mut sender = user.connect().await?;
    while user.goes_on() {
        let answer = user.ask(&what, &mut sender, path).await?;
        let closes = answer.headers().get("connection").is_some_and(|value| value == "close");
        in_time(&what, answer.into_body().collect()).await?;
        user.got_answer();
        if closes {
            sender = user.connect().await?;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// Asks over a new connection each time.
async fn newcomer(user: &User) -> Result<(), String> {
    while user.goes_on() {
        let mut sender = user.connect().await?;
        let answer = user.ask("a new connection", &mut sender, "/version").await?;
        in_time("a new connection", answer.into_body().collect()).await?;
        user.got_answer();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Talks over a websocket; a proper close is answered with a new one, a reset is a failure.
async fn websocket(user: &User) -> Result<(), String> {
    let stream = in_time("websocket", TcpStream::connect(&user.0.address)).await?;
    let url = format!("ws://{}/ws", user.0.address);
    let (mut socket, _) = in_time("websocket", tokio_tungstenite::client_async(url, stream)).await?;
    while user.goes_on() {
        // If closing has begun, what comes next says how.
        let _ = socket.send(Message::text("hello")).await;
        match in_time("websocket", socket.next().map(Option::transpose)).await? {
            Some(Message::Close(_)) | None => return Ok(()),
            Some(_) => user.got_answer(),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Listens to events; the stream may end, but not break.
async fn events(user: &User) -> Result<(), String> {
    let mut sender = user.connect().await?;
    let mut body = user.ask("event stream", &mut sender, "/events").await?.into_body();
    while user.goes_on() {
        match in_time("event stream", body.frame().map(Option::transpose)).await? {
            Some(_) => user.got_answer(),
            None => break,
        }
    }
    Ok(())
}
