//! How a release that was replaced ends. FACT 5.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::app::{self, App};
use super::client::{KeepAlive, get};
use super::rig::{Rig, to};

/// r1 serves, and this is what replaces it, with a drain of this long.
async fn start(drain: Duration) -> (Rig, [App; 2], ship::control::Switch) {
    let rig = Rig::start();
    let apps = [App::start("old").await, App::start("new").await];
    rig.switch("blog-production", &to("r1", &[apps[0].address])).await.unwrap();
    let mut switch = to("r2", &[apps[1].address]);
    switch.drain_ms = u64::try_from(drain.as_millis()).unwrap();
    (rig, apps, switch)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fact_5_websockets_live_to_the_end_of_the_drain_and_close_one_after_the_other() {
    let (rig, _apps, switch) = start(Duration::from_millis(800)).await;
    let mut sockets = JoinSet::new();
    for _ in 0..20 {
        let stream = TcpStream::connect(rig.http).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async("ws://blog.test/ws", stream).await.unwrap();
        sockets.spawn(async move {
            loop {
                let _ = socket.send(Message::text("x".repeat(10_000))).await;
                match socket.next().await.unwrap().unwrap() {
                    Message::Text(text) => assert_eq!(text.len(), 10_000),
                    Message::Close(frame) => return (u16::from(frame.unwrap().code), Instant::now()),
                    other => panic!("{other:?}"),
                }
            }
        });
    }
    rig.until("blog-production", |service| service.active.targets[0].in_flight == 20).await;
    let began = Instant::now();
    let switched = rig.switch("blog-production", &switch).await.unwrap();
    let drained = rig.confirm("blog-production", switched.generation).await.unwrap();
    assert_eq!((drained.finished, drained.cut), (0, 20));
    let mut closed = sockets.join_all().await;
    assert!(closed.iter().all(|(code, _)| *code == 1012), "{closed:?}");
    closed.sort_by_key(|(_, at)| *at);
    let first = closed[0].1 - began;
    let spread = closed[19].1 - closed[0].1;
    assert!(first >= Duration::from_millis(800), "{first:?}");
    assert!(spread >= Duration::from_millis(120) && spread < Duration::from_secs(1), "{spread:?}");
}

#[tokio::test]
async fn fact_5_event_streams_end_regularly_and_other_answers_are_broken_off() {
    let (rig, _apps, switch) = start(Duration::from_millis(100)).await;
    let mut events = TcpStream::connect(rig.http).await.unwrap();
    events.write_all(b"GET /events HTTP/1.1\r\nhost: blog.test\r\nconnection: close\r\n\r\n").await.unwrap();
    app::read_head(&mut events).await.unwrap();
    let http = rig.http;
    let slow = tokio::spawn(async move { get(http, "blog.test", "/slow?60000").await });
    rig.until("blog-production", |service| service.active.targets[0].in_flight == 2).await;
    let switched = rig.switch("blog-production", &switch).await.unwrap();
    let drained = rig.confirm("blog-production", switched.generation).await.unwrap();
    assert_eq!((drained.finished, drained.cut), (0, 2));
    let mut rest = String::new();
    events.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("\r\n0\r\n\r\n"), "{rest}");
    let answer = slow.await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.headers["retry-after"].to_str().unwrap()), (503, "1"));
}

#[tokio::test]
async fn idle_connections_to_the_old_targets_are_closed_and_those_of_clients_are_kept() {
    let (rig, [old, _new], switch) = start(Duration::from_secs(5)).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let watched = listener.local_addr().unwrap();
    // Every connection goes through this, which sees it end.
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let behind = old.address;
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let ended = ended.clone();
            tokio::spawn(async move {
                let mut app = TcpStream::connect(behind).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut app).await;
                let _ = ended.send(());
            });
        }
    });
    let mut through = to("r1", &[watched]);
    through.health.interval_ms = 60_000;
    rig.switch("blog-production", &through).await.unwrap();
    let mut connection = KeepAlive::open(rig.http).await;
    assert_eq!(connection.get("blog.test", "/version").await.unwrap().body, "old");
    while ends.try_recv().is_ok() {}
    let switched = rig.switch("blog-production", &switch).await.unwrap();
    let drained = rig.confirm("blog-production", switched.generation).await.unwrap();
    assert_eq!((drained.finished, drained.cut), (0, 0));
    tokio::time::timeout(Duration::from_millis(800), ends.recv()).await.expect("closed before its idle time");
    assert_eq!(connection.get("blog.test", "/version").await.unwrap().body, "new");
}

#[tokio::test]
async fn a_removed_service_is_drained() {
    let (rig, _apps, _) = start(Duration::ZERO).await;
    let http = rig.http;
    let slow = tokio::spawn(async move { get(http, "blog.test", "/slow?300").await });
    rig.until("blog-production", |service| service.active.targets[0].in_flight == 1).await;
    let drained = rig.remove("blog-production").await.unwrap();
    assert_eq!((drained.finished, drained.cut), (1, 0));
    assert_eq!(slow.await.unwrap().body, "old");
    assert_eq!(get(rig.http, "blog.test", "/").await.status, 404);
}
