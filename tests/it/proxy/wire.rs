//! Bytes that must not get through, or not be believed: raw requests, and what the app sees of them.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::app::App;
use super::client::raw;
use super::rig::{Rig, to};

async fn start() -> (Rig, App) {
    let (rig, app) = (Rig::start(), App::start("r1").await);
    rig.switch("blog-production", &to("r1", &[app.address])).await.unwrap();
    (rig, app)
}

#[tokio::test]
async fn requests_of_uncertain_length_or_host_are_refused_and_their_connection_is_closed() {
    let (rig, app) = start().await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: blog.test\r\n\r\n";
    for (what, head) in [
        (
            "different lengths",
            "POST /echo HTTP/1.1\r\nhost: blog.test\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\n",
        ),
        ("a list of lengths", "POST /echo HTTP/1.1\r\nhost: blog.test\r\ncontent-length: 0, 5\r\n\r\n"),
        ("a signed length", "POST /echo HTTP/1.1\r\nhost: blog.test\r\ncontent-length: +5\r\n\r\n"),
        ("a negative length", "POST /echo HTTP/1.1\r\nhost: blog.test\r\ncontent-length: -1\r\n\r\n"),
        (
            "an unknown coding last",
            "POST /echo HTTP/1.1\r\nhost: blog.test\r\ntransfer-encoding: chunked, gzip\r\n\r\n",
        ),
        (
            "a coding that looks like it",
            "POST /echo HTTP/1.1\r\nhost: blog.test\r\ntransfer-encoding: xchunked\r\n\r\n",
        ),
        ("chunks in HTTP/1.0", "POST /echo HTTP/1.0\r\nhost: blog.test\r\ntransfer-encoding: chunked\r\n\r\n"),
        ("a space before the colon", "POST /echo HTTP/1.1\r\nhost: blog.test\r\ncontent-length : 5\r\n\r\n"),
        ("a folded line", "GET / HTTP/1.1\r\nhost: blog.test\r\nx-a: b\r\n c\r\n\r\n"),
        ("a bare CR", "GET / HTTP/1.1\r\nhost: blog.test\r\nx-a: b\rc\r\n\r\n"),
        ("a NUL", "GET / HTTP/1.1\r\nhost: blog.test\r\nx-a: b\0c\r\n\r\n"),
        ("no host", "GET / HTTP/1.1\r\n\r\n"),
        ("two hosts", "GET / HTTP/1.1\r\nhost: blog.test\r\nhost: other.test\r\n\r\n"),
        ("the same host twice", "GET / HTTP/1.1\r\nhost: blog.test\r\nhost: blog.test\r\n\r\n"),
        ("a host with a path", "GET / HTTP/1.1\r\nhost: blog.test/x\r\n\r\n"),
        ("a host with a user", "GET / HTTP/1.1\r\nhost: a@blog.test\r\n\r\n"),
        ("a host with a bad port", "GET / HTTP/1.1\r\nhost: blog.test:8o\r\n\r\n"),
        ("no HTTP", "hello\r\n\r\n"),
    ] {
        let answer = raw(rig.http, format!("{head}{smuggled}")).await;
        assert!(answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.0 400"), "{what}: {answer}");
        assert_eq!(answer.matches("HTTP/1.").count(), 1, "{what}: {answer}");
    }
    let seen = app.told.seen.lock().unwrap().clone();
    assert!(seen.is_empty(), "{seen:?}");
}

/// RFC 9112, section 6.1: the transfer coding decides, and the length does not reach the app.
#[tokio::test]
async fn of_length_and_chunks_the_chunks_decide_and_the_length_goes() {
    let (rig, app) = start().await;
    for order in ["content-length: 4\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 4"]
    {
        let request = format!("POST /echo HTTP/1.1\r\nhost: blog.test\r\n{order}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        let answer = raw(rig.http, request).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("hello"), "{answer}");
        let (_, headers) = app.last();
        assert!(!headers.contains_key("content-length"), "{headers:?}");
        assert_eq!(headers["transfer-encoding"], "chunked");
    }
}

#[tokio::test]
async fn a_bad_chunk_ends_the_request_and_nothing_behind_it_is_one() {
    let (rig, app) = start().await;
    for chunks in ["zz\r\nhello\r\n0\r\n\r\n", "5\r\nhelloGET /smuggled HTTP/1.1\r\n", "ffffffffffffffff1\r\nx"] {
        let request = format!("POST /echo HTTP/1.1\r\nhost: blog.test\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
        let answer = raw(rig.http, format!("{request}GET /smuggled HTTP/1.1\r\nhost: blog.test\r\n\r\n")).await;
        assert!(!answer.contains("/smuggled"), "{answer}");
    }
    assert!(app.told.seen.lock().unwrap().iter().all(|(target, _)| target == "/echo"));
}

/// RFC 9112, section 3.2.2.
#[tokio::test]
async fn in_absolute_form_the_target_decides_on_the_host() {
    let (rig, app) = start().await;
    let answer = raw(rig.http, "GET http://blog.test/version HTTP/1.1\r\nhost: other.test\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (target, headers) = app.last();
    assert_eq!((target.as_str(), headers["host"].to_str().unwrap()), ("/version", "blog.test"));
}

#[tokio::test]
async fn connect_is_refused_and_options_for_everything_passes() {
    let (rig, app) = start().await;
    let answer = raw(rig.http, "CONNECT blog.test:443 HTTP/1.1\r\nhost: blog.test:443\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    raw(rig.http, "OPTIONS * HTTP/1.1\r\nhost: blog.test\r\n\r\n").await;
    assert_eq!(app.last().0, "*");
}

#[tokio::test]
async fn huge_and_many_headers_are_refused() {
    let (rig, app) = start().await;
    let long = format!("GET / HTTP/1.1\r\nhost: blog.test\r\nx-a: {}\r\n\r\n", "x".repeat(80_000));
    let answer = raw(rig.http, long).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many = format!("GET / HTTP/1.1\r\nhost: blog.test\r\n{}\r\n", "x-a: b\r\n".repeat(200));
    let answer = raw(rig.http, many).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let endless = format!("GET /{} HTTP/1.1\r\n", "x".repeat(80_000));
    let answer = raw(rig.http, endless).await;
    assert!(answer.starts_with("HTTP/1.1 414") || answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert!(app.told.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (rig, _app) = start().await;
    let request = |path| format!("GET {path} HTTP/1.1\r\nhost: blog.test\r\n\r\n");
    let answer = raw(rig.http, request("/a") + &request("/slow?50") + &request("/c")).await;
    let place = |text| answer.find(text).unwrap();
    assert!(place("r1 /a") < place("\r\n\r\nr1HTTP") && place("\r\n\r\nr1HTTP") < place("r1 /c"), "{answer}");
}

/// The client has said all it had to say, and still listens.
#[tokio::test]
async fn a_client_that_goes_away_takes_its_request_with_it() {
    let (rig, _app) = start().await;
    let mut stream = TcpStream::connect(rig.http).await.unwrap();
    stream.write_all(b"GET /slow?60000 HTTP/1.1\r\nhost: blog.test\r\n\r\n").await.unwrap();
    rig.until("blog-production", |service| service.active.targets[0].in_flight == 1).await;
    drop(stream);
    let began = Instant::now();
    rig.until("blog-production", |service| service.active.targets[0].in_flight == 0).await;
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn http_2_with_prior_knowledge_in_small_pieces_is_recognized() {
    let (rig, app) = start().await;
    let mut stream = TcpStream::connect(rig.http).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in ["P", "RI", " * HTTP/2.0\r\n\r\nSM", "\r\n\r\n"] {
        stream.write_all(piece.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // An empty SETTINGS frame; the server answers with its own.
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let mut frame = [0; 9];
    stream.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4);
    assert_eq!(app.told.seen.lock().unwrap().len(), 0);
    assert!(app.told.checks.load(Ordering::Relaxed) > 0);
}
