//! Swaps under load: nobody notices. FACTS 1, 3, 4 and 5 of what decides it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::app::{self, App};
use super::client::{KeepAlive, get, send};
use super::rig::{Rig, to};

/// What the clients of a load test share.
#[derive(Clone, Default)]
struct Load {
    over: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
}

impl Load {
    fn goes_on(&self) -> bool {
        self.done.fetch_add(1, Ordering::Relaxed);
        !self.over.load(Ordering::Relaxed)
    }
}

async fn keep_alive(http: std::net::SocketAddr, load: Load) {
    let mut connection = KeepAlive::open(http).await;
    while load.goes_on() {
        let answer = connection.get("blog.test", "/version").await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

async fn posts(http: std::net::SocketAddr, load: Load) {
    let mut connection = KeepAlive::open(http).await;
    let body = Bytes::from(vec![b'x'; 20_000]);
    while load.goes_on() {
        let request = Request::post("/echo").header("host", "blog.test").body(Full::new(body.clone())).unwrap();
        let answer = connection.send(request).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.len()), (200, body.len()), "{answer:?}");
    }
}

async fn new_connections(http: std::net::SocketAddr, load: Load) {
    while load.goes_on() {
        assert_eq!(get(http, "blog.test", "/version").await.status, 200);
    }
}

async fn slow(http: std::net::SocketAddr, load: Load) {
    while load.goes_on() {
        assert_eq!(get(http, "blog.test", "/slow?150").await.status, 200);
    }
}

async fn http2(http: std::net::SocketAddr, load: Load) {
    let stream = TcpStream::connect(http).await.unwrap();
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    while load.goes_on() {
        sender.ready().await.unwrap();
        let request = Request::get("http://blog.test/version").body(Full::<Bytes>::default()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.unwrap();
    }
}

/// Reads events for as long as a drain allows, and comes back, as browsers do.
async fn events(http: std::net::SocketAddr, load: Load) {
    while load.goes_on() {
        let mut stream = TcpStream::connect(http).await.unwrap();
        stream.write_all(b"GET /events HTTP/1.1\r\nhost: blog.test\r\n\r\n").await.unwrap();
        let head = app::read_head(&mut stream).await.unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let mut body = Vec::new();
        let mut piece = [0; 1024];
        while !load.over.load(Ordering::Relaxed) && !body.ends_with(b"\r\n0\r\n\r\n") {
            let count = stream.read(&mut piece).await.unwrap();
            assert!(count > 0, "an event stream was reset, not ended: {}", String::from_utf8_lossy(&body));
            body.extend_from_slice(&piece[..count]);
        }
    }
}

/// Echoes through a websocket; an end is a close with 1012, after which it comes back.
async fn websocket(http: std::net::SocketAddr, load: Load) {
    while load.goes_on() {
        let stream = TcpStream::connect(http).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async("ws://blog.test/ws", stream).await.unwrap();
        while load.goes_on() {
            let _ = socket.send(Message::text("hello")).await;
            match socket.next().await.unwrap().unwrap() {
                Message::Text(text) => assert_eq!(text.as_str(), "hello"),
                Message::Close(frame) => {
                    assert_eq!(u16::from(frame.unwrap().code), 1012);
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fact_1_no_request_is_lost_over_many_swaps_under_load() {
    let rig = Rig::start();
    let mut apps = [App::start("r1").await, App::start("r1").await];
    let addresses = |apps: &[App; 2]| apps.each_ref().map(|app| app.address);
    let mut generation = rig.switch("blog-production", &to("r1", &addresses(&apps))).await.unwrap().generation;
    let load = Load::default();
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        clients.spawn(keep_alive(rig.http, load.clone()));
        clients.spawn(posts(rig.http, load.clone()));
        clients.spawn(slow(rig.http, load.clone()));
        clients.spawn(websocket(rig.http, load.clone()));
        clients.spawn(events(rig.http, load.clone()));
    }
    clients.spawn(new_connections(rig.http, load.clone()));
    clients.spawn(http2(rig.http, load.clone()));
    for release in 2..12 {
        let release = format!("r{release}");
        let next = [App::start(&release).await, App::start(&release).await];
        let mut switch = to(&release, &addresses(&next));
        switch.expected_generation = Some(generation);
        switch.probation_ms = 60_000;
        switch.drain_ms = 250;
        generation = rig.switch("blog-production", &switch).await.unwrap().generation;
        let drained = rig.confirm("blog-production", generation).await.unwrap();
        assert!(drained.cut >= 8, "websockets and event streams were there: {drained:?}");
        // The old ones are gone as soon as the drain is: whoever still used them would fail now.
        apps = next;
    }
    load.over.store(true, Ordering::Relaxed);
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    let status = rig.service("blog-production").await;
    assert_eq!(status.failed, 0);
    assert!(load.done.load(Ordering::Relaxed) > 500);
    drop(apps);
}

/// The app closes each connection right after its answer, without having said so: an idle connection that turns out
/// closed, as often as can be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fact_3_a_connection_that_the_app_closed_costs_no_request() {
    let rig = Rig::start();
    let app = app::raw(|mut stream, head| async move {
        let length = if head.starts_with("POST") { 5 } else { 0 };
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        None
    })
    .await;
    rig.switch("blog-production", &to("r1", &[app])).await.unwrap();
    let mut connection = KeepAlive::open(rig.http).await;
    for _ in 0..200 {
        let answer = connection.get("blog.test", "/").await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "ok"));
    }
}

/// The app takes the request on a reused connection and closes without an answer: a GET is sent again, a POST is not,
/// because the app may have done it.
#[tokio::test]
async fn fact_3_only_what_is_safe_is_sent_twice() {
    let rig = Rig::start();
    let posts = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&posts);
    let app = app::raw(move |mut stream, head| {
        let counted = Arc::clone(&counted);
        async move {
            if head.starts_with("POST") {
                counted.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            // The second request on a connection finds it closing.
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            app::read_head(&mut stream).await.filter(|head| head.starts_with("POST"))?;
            counted.fetch_add(1, Ordering::Relaxed);
            None
        }
    })
    .await;
    rig.switch("blog-production", &to("r1", &[app])).await.unwrap();
    for _ in 0..5 {
        assert_eq!(get(rig.http, "blog.test", "/").await.status, 200);
    }
    let post = || Request::post("/").header("host", "blog.test").body(Full::from("hello")).unwrap();
    assert_eq!(send(rig.http, post()).await.status, 502);
    assert_eq!(posts.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn fact_4_connect_refused_goes_to_another_target_for_any_method() {
    let rig = Rig::start();
    let (one, other) = (App::start("r1").await, App::start("r1").await);
    let mut switch = to("r1", &[one.address, other.address]);
    switch.health.interval_ms = 60_000;
    rig.switch("blog-production", &switch).await.unwrap();
    drop(one);
    for _ in 0..10 {
        let post = Request::post("/echo").header("host", "blog.test").body(Full::from("hello")).unwrap();
        let answer = send(rig.http, post).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "hello"));
    }
}

/// An app that is restarted in place: requests wait for it.
#[tokio::test]
async fn fact_4_connect_refused_waits_for_an_app_that_comes_back() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    let address = app.address;
    let mut switch = to("r1", &[address]);
    switch.health.interval_ms = 60_000;
    rig.switch("blog-production", &switch).await.unwrap();
    drop(app);
    let http = rig.http;
    let waiting = tokio::spawn(async move { get(http, "blog.test", "/version").await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    let _app = App::on(tokio::net::TcpListener::bind(address).await.unwrap(), "again");
    assert_eq!(waiting.await.unwrap().body, "again");
}

#[tokio::test]
async fn requests_go_round_over_all_targets_on_connections_that_are_kept() {
    let rig = Rig::start();
    let apps = [App::start("a").await, App::start("b").await, App::start("c").await];
    let mut switch = to("r1", &apps.each_ref().map(|app| app.address));
    switch.health.interval_ms = 60_000;
    rig.switch("blog-production", &switch).await.unwrap();
    let before = apps.each_ref().map(|app| app.told.connections.load(Ordering::Relaxed));
    let mut connection = KeepAlive::open(rig.http).await;
    for _ in 0..30 {
        assert_eq!(connection.get("blog.test", "/version").await.unwrap().status, 200);
    }
    for (app, before) in apps.iter().zip(before) {
        assert_eq!(app.told.seen.lock().unwrap().len(), 10);
        assert_eq!(app.told.connections.load(Ordering::Relaxed) - before, 1);
    }
}
