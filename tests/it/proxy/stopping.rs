//! The end of ship-proxy itself. FACT 6.

use std::time::Duration;

use futures_util::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use ship::proxy::listener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::app::{self, App};
use super::client::get;
use super::rig::{Rig, to};

async fn start() -> (Rig, App) {
    let (rig, app) = (Rig::start(), App::start("r1").await);
    rig.switch("blog-production", &to("r1", &[app.address])).await.unwrap();
    (rig, app)
}

#[tokio::test]
async fn fact_6_an_idle_connection_is_still_read_for_a_grace_time_and_told_to_close() {
    let (mut rig, _app) = start().await;
    let request = b"GET /version HTTP/1.1\r\nhost: blog.test\r\n\r\n";
    let mut used = TcpStream::connect(rig.http).await.unwrap();
    used.write_all(request).await.unwrap();
    assert!(!app::read_head(&mut used).await.unwrap().contains("connection: close"));
    assert_eq!(used.read_u16().await.unwrap(), u16::from_be_bytes(*b"r1"));
    let mut unused = TcpStream::connect(rig.http).await.unwrap();
    rig.status().await;
    rig.begin_stop();
    // Nothing new is accepted, which shows that the end has begun.
    while TcpStream::connect(rig.http).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    used.write_all(request).await.unwrap();
    let mut answer = String::new();
    used.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    // One that says nothing is closed after the grace time.
    assert_eq!(unused.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn requests_in_flight_finish_and_long_ones_are_cut() {
    let (mut rig, _app) = start().await;
    let http = rig.http;
    let short = tokio::spawn(async move { get(http, "blog.test", "/slow?800").await });
    let long = tokio::spawn(async move { get(http, "blog.test", "/slow?60000").await });
    let stream = TcpStream::connect(http).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("ws://blog.test/ws", stream).await.unwrap();
    rig.until("blog-production", |service| service.active.targets[0].in_flight == 3).await;
    rig.begin_stop();
    assert_eq!(short.await.unwrap().body, "r1");
    let Message::Close(Some(frame)) = socket.next().await.unwrap().unwrap() else { panic!("not closed") };
    assert_eq!(u16::from(frame.code), 1012);
    assert_eq!(long.await.unwrap().status, 503);
    tokio::time::timeout(Duration::from_secs(5), rig.ended()).await.unwrap();
}

#[tokio::test]
async fn fact_6_http_2_connections_are_told_to_go_away_and_finish_their_requests() {
    let (mut rig, _app) = start().await;
    let stream = TcpStream::connect(rig.http).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = |path| Request::get(format!("http://blog.test{path}")).body(Full::<Bytes>::default()).unwrap();
    let slow = tokio::spawn(sender.send_request(request("/slow?400")));
    rig.until("blog-production", |service| service.active.targets[0].in_flight == 1).await;
    rig.begin_stop();
    let response = slow.await.unwrap().unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "r1");
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn with_nothing_to_do_it_ends_at_once() {
    let (rig, _app) = start().await;
    let ended = tokio::time::timeout(Duration::from_millis(250), rig.stop());
    ended.await.expect("the grace time is for connections");
}

#[tokio::test]
async fn a_second_proxy_on_the_same_state_and_a_taken_port_are_refused() {
    let (rig, _app) = start().await;
    let path = rig.directory.path().join("control.sock");
    let error = listener::control(&path).unwrap_err().to_string();
    assert_eq!(error, format!("another ship-proxy answers on {}", path.display()));
    let error = listener::tcp(rig.http).unwrap_err().to_string();
    let port = rig.http.port();
    assert!(
        error.starts_with(&format!("port {port} is taken: another program listens on 127.0.0.1:{port}")),
        "{error}"
    );
    // One that a dead proxy has left is not in the way.
    let directory = rig.kill().await;
    std::os::unix::net::UnixListener::bind(directory.path().join("control.sock")).unwrap();
    let rig = Rig::start_in(directory);
    assert_eq!(rig.status().await.services.len(), 1);
}
