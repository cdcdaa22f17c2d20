//! What happens to a request and its answer on the way. FACT 11, and what a proxy must do by RFC 9110 and 9112.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::app::{self, App};
use super::client::{KeepAlive, get, raw, send};
use super::rig::{Rig, at, to};

/// A proxy with one app behind it for all hosts.
async fn start() -> (Rig, App) {
    let (rig, app) = (Rig::start(), App::start("r1").await);
    rig.switch("blog-production", &to("r1", &[app.address])).await.unwrap();
    (rig, app)
}

fn request(path: &str) -> hyper::http::request::Builder {
    Request::get(path).header("host", "blog.test")
}

async fn send_to(rig: &Rig, request: hyper::http::request::Builder) -> super::client::Answer {
    send(rig.http, request.body(Full::default()).unwrap()).await
}

#[tokio::test]
async fn fact_11_encoded_slashes_survive_the_stripping_of_a_prefix() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    let mut switch = at(to("r1", &[app.address]), &[], "/api");
    switch.routes.strip_prefix = true;
    rig.switch("blog-production", &switch).await.unwrap();
    for (sent, seen) in [
        ("/api/a%2Fb/c?d=%2Fe", "/a%2Fb/c?d=%2Fe"),
        ("/api", "/"),
        ("/api?x=1", "/?x=1"),
        ("/api/", "/"),
        ("/api//x", "//x"),
        ("/api/api", "/api"),
    ] {
        get(rig.http, "blog.test", sent).await;
        let (target, headers) = app.last();
        assert_eq!(target, seen);
        assert_eq!(headers["x-forwarded-prefix"], "/api");
    }
}

#[tokio::test]
async fn fact_11_what_clients_say_about_forwarding_is_dropped() {
    let (rig, app) = start().await;
    let spoofed = request("/")
        .header("x-forwarded-for", "6.6.6.6")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "evil.test")
        .header("x-forwarded-port", "443")
        .header("x-forwarded-prefix", "/evil")
        .header("x-forwarded-ssl", "on")
        .header("x_forwarded_for", "6.6.6.6")
        .header("x-real-ip", "6.6.6.6")
        .header("x_real_ip", "6.6.6.6")
        .header("forwarded", "for=6.6.6.6")
        .header("x-forwarding", "kept");
    send_to(&rig, spoofed).await;
    let (_, headers) = app.last();
    let sent = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
    let mut about = sent.filter(|line| line.contains("forward") || line.contains("real")).collect::<Vec<_>>();
    about.sort();
    let expected = [
        "forwarded: for=127.0.0.1;host=\"blog.test\";proto=http".to_owned(),
        "x-forwarded-for: 127.0.0.1".to_owned(),
        "x-forwarded-host: blog.test".to_owned(),
        format!("x-forwarded-port: {}", rig.http.port()),
        "x-forwarded-proto: http".to_owned(),
        "x-forwarding: kept".to_owned(),
        "x-real-ip: 127.0.0.1".to_owned(),
    ];
    assert_eq!(about, expected);
}

#[tokio::test]
async fn fields_of_one_connection_end_there() {
    let (rig, app) = start().await;
    let sent = request("/")
        .header("connection", "keep-alive, X-Secret")
        .header("keep-alive", "timeout=5")
        .header("proxy-connection", "keep-alive")
        .header("x-secret", "1")
        .header("te", "trailers, deflate")
        .header("upgrade", "h2c")
        .header("cookie", "a=1");
    send_to(&rig, sent).await;
    let (_, headers) = app.last();
    for name in ["connection", "keep-alive", "proxy-connection", "x-secret", "upgrade", "transfer-encoding"] {
        assert!(!headers.contains_key(name), "{name}: {headers:?}");
    }
    assert_eq!(headers["te"], "trailers");
    assert_eq!(headers["cookie"], "a=1");
}

#[tokio::test]
async fn the_app_sees_the_host_as_it_was_sent() {
    let (rig, app) = start().await;
    get(rig.http, "Blog.TEST:8080", "/").await;
    let (_, headers) = app.last();
    assert_eq!(
        (&headers["host"], &headers["x-forwarded-host"]),
        (&"Blog.TEST:8080".parse().unwrap(), &"Blog.TEST:8080".parse().unwrap())
    );
}

#[tokio::test]
async fn a_request_id_is_kept_or_made_and_the_client_is_told() {
    let (rig, app) = start().await;
    let answer = send_to(&rig, request("/").header("x-request-id", "abc-123")).await;
    assert_eq!(
        (&answer.headers["x-request-id"], &app.last().1["x-request-id"]),
        (&"abc-123".parse().unwrap(), &"abc-123".parse().unwrap())
    );
    let mut made = std::collections::BTreeSet::new();
    for unusable in ["", "a b", "\"x\"", &"x".repeat(200)] {
        let answer = send_to(&rig, request("/").header("x-request-id", unusable)).await;
        let id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(id.len(), 32);
        assert_eq!(app.last().1["x-request-id"], id);
        made.insert(id);
    }
    assert_eq!(made.len(), 4);
}

#[tokio::test]
async fn head_and_not_modified_have_no_body_and_the_connection_lives_on() {
    let (rig, app) = start().await;
    let mut connection = KeepAlive::open(rig.http).await;
    let before = app.told.connections.load(Ordering::Relaxed);
    for _ in 0..3 {
        let head = Request::head("/version").header("host", "blog.test").body(Full::default()).unwrap();
        let answer = connection.send(head).await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.headers["content-length"].to_str().unwrap()), (200, "2"));
        assert_eq!(answer.body, "");
        let answer = connection.get("blog.test", "/not-modified").await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.headers["etag"].to_str().unwrap()), (304, "\"1\""));
        assert_eq!(connection.get("blog.test", "/version").await.unwrap().body, "r1");
    }
    // Checks open connections of their own.
    let checks = app.told.checks.load(Ordering::Relaxed);
    assert!(app.told.connections.load(Ordering::Relaxed) - before <= checks, "requests shared a connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_larger_than_any_buffer_stream_both_ways() {
    let (rig, _app) = start().await;
    let megabytes: usize = 64;
    let mut stream = TcpStream::connect(rig.http).await.unwrap();
    stream.write_all(format!("GET /zeros?{megabytes} HTTP/1.0\r\nhost: blog.test\r\n\r\n").as_bytes()).await.unwrap();
    app::read_head(&mut stream).await.unwrap();
    let mut piece = vec![0; 1024 * 1024];
    let mut count = 0;
    while let Ok(n @ 1..) = stream.read(&mut piece).await {
        count += n;
    }
    assert_eq!(count, megabytes * 1024 * 1024);

    let mut stream = TcpStream::connect(rig.http).await.unwrap();
    let head =
        format!("POST /count HTTP/1.1\r\nhost: blog.test\r\ncontent-length: {count}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..megabytes {
        stream.write_all(&piece).await.unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with(&format!("\r\n\r\n{count}")), "{answer}");
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_it_from_the_app() {
    let (rig, _app) = start().await;
    let mut stream = TcpStream::connect(rig.http).await.unwrap();
    let head = "POST /count HTTP/1.1\r\nhost: blog.test\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(app::read_head(&mut stream).await.unwrap(), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").await.unwrap();
    let head = app::read_head(&mut stream).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(stream.read_u8().await.unwrap(), b'5');
}

#[tokio::test]
async fn an_app_that_refuses_before_the_body_spares_the_client_sending_it() {
    let (rig, _app) = start().await;
    let head = "POST /refuse HTTP/1.1\r\nhost: blog.test\r\ncontent-length: 1000000\r\nexpect: 100-continue\r\n\r\n";
    let mut stream = TcpStream::connect(rig.http).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // To the end of the connection: what would come next could be the body or another request.
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.ends_with("too large"), "{answer}");
}

#[tokio::test]
async fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let (rig, _app) = start().await;
    let mut stream = TcpStream::connect(rig.http).await.unwrap();
    let head = "POST /refuse HTTP/1.1\r\nhost: blog.test\r\ncontent-length: 1000000\r\n\r\nbegun";
    stream.write_all(head.as_bytes()).await.unwrap();
    let head = app::read_head(&mut stream).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 413"), "{head}");
}

#[tokio::test]
async fn an_app_that_is_silent_for_too_long_is_a_504_but_a_slow_client_is_not() {
    let (rig, app) = start().await;
    let mut switch = to("r2", &[app.address]);
    switch.response_timeout_ms = 200;
    rig.switch("blog-production", &switch).await.unwrap();
    let answer = get(rig.http, "blog.test", "/slow?2000").await;
    assert_eq!(answer.status, 504);
    assert_eq!(rig.service("blog-production").await.failed, 1);

    let mut stream = TcpStream::connect(rig.http).await.unwrap();
    stream.write_all(b"POST /count HTTP/1.1\r\nhost: blog.test\r\ncontent-length: 6\r\n\r\n").await.unwrap();
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stream.write_all(b"x").await.unwrap();
    }
    let head = app::read_head(&mut stream).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[tokio::test]
async fn an_app_that_breaks_off_is_seen_as_broken_off() {
    let rig = Rig::start();
    let app = app::raw(|mut stream, head| async move {
        match head.split(' ').nth(1) {
            Some("/nothing") => {}
            Some("/nonsense") => stream.write_all(b"hello\r\n\r\n").await.unwrap(),
            _ => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun").await.unwrap(),
        }
        None
    })
    .await;
    rig.switch("blog-production", &to("r1", &[app])).await.unwrap();
    assert_eq!(get(rig.http, "blog.test", "/nothing").await.status, 502);
    assert_eq!(get(rig.http, "blog.test", "/nonsense").await.status, 502);
    let half = KeepAlive::open(rig.http).await.get("blog.test", "/half").await;
    assert!(half.is_err(), "half an answer must not look whole: {half:?}");
}

#[tokio::test]
async fn websockets_pass_both_ways_and_end_when_the_client_ends_them() {
    let (rig, _app) = start().await;
    let stream = TcpStream::connect(rig.http).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("ws://blog.test/ws", stream).await.unwrap();
    let long = "x".repeat(300_000);
    for text in ["hello", &long, ""] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
    assert_eq!(rig.service("blog-production").await.active.targets[0].in_flight, 1);
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    rig.until("blog-production", |service| service.active.targets[0].in_flight == 0).await;
}

#[tokio::test]
async fn an_upgrade_that_the_app_refuses_is_an_ordinary_answer() {
    let (rig, app) = start().await;
    let stream = TcpStream::connect(rig.http).await.unwrap();
    let refused = tokio_tungstenite::client_async("ws://blog.test/version", stream).await.unwrap_err();
    let Error::Http(response) = refused else { panic!("{refused}") };
    assert_eq!(response.status(), 200);
    let (_, headers) = app.last();
    assert_eq!(
        (headers["connection"].to_str().unwrap(), headers["upgrade"].to_str().unwrap()),
        ("upgrade", "websocket")
    );
}

#[tokio::test]
async fn http_1_0_clients_are_answered_with_and_without_a_host() {
    let (rig, _app) = start().await;
    let answer = raw(rig.http, "GET /version HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200") && answer.ends_with("\r\n\r\nr1"), "{answer}");
}

#[tokio::test]
async fn the_access_log_has_one_line_per_request_without_secrets() {
    let (rig, _app) = start().await;
    let sent = request("/version?page=2&access_token=hunter2&q=x").header("x-request-id", "id-1");
    send_to(&rig, sent).await;
    let answer =
        send(rig.http, Request::post("/echo").header("host", "blog.test").body(Full::<Bytes>::from("hello")).unwrap());
    assert_eq!(answer.await.body, "hello");
    let log = rig.log.clone();
    rig.stop().await;
    let text = log.text();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect::<Vec<_>>();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let line = &lines[0];
    assert_eq!(line["method"], "GET");
    assert_eq!(line["host"], "blog.test");
    assert_eq!(line["path"], "/version?page=2&access_token=[masked]&q=x");
    assert_eq!((&line["status"], &line["bytes"]), (&200.into(), &2.into()));
    assert_eq!(
        (&line["service"], &line["release"], &line["target"]),
        (&"blog-production".into(), &"r1".into(), &"r1.1".into())
    );
    assert_eq!(line["request_id"], "id-1");
    assert_eq!(line["client"], "127.0.0.1");
    assert!(line["ms"].as_f64().unwrap() > 0.0);
    assert_eq!(lines[1]["bytes"], 5);
}
