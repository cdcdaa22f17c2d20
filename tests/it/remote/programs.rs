//! Programs on a host, and sockets.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use ship::remote::command::{Command, quote};
use ship::remote::dial::Socket;
use ship::remote::exec::Exit;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use super::server::{Server, chain, run};

const LIMIT: Duration = Duration::from_secs(10);

fn program(arguments: &[&str]) -> Command {
    Command::Setup { arguments: arguments.iter().map(|&text| text.to_owned()).collect() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever a word holds, a shell gives it on as it was.
    #[test]
    fn a_quoted_word_comes_out_of_a_shell_as_it_went_in(words in prop::collection::vec("[^\0]*", 0..4)) {
        let line: Vec<String> = words.iter().map(|word| quote(word)).collect();
        let script = format!("printf '%s\\0' x {}", line.join(" "));
        let expected = std::iter::once("x").chain(words.iter().map(String::as_str)).collect::<Vec<_>>().join("\0") + "\0";
        prop_assert_eq!(run("sh", &["-c", &script]), expected);
    }
}

#[test]
fn plain_words_stay_readable() {
    assert_eq!(quote("a/b-c_d.e:f=1,2@3%+"), "a/b-c_d.e:f=1,2@3%+");
    assert_eq!(quote(""), "''");
    assert_eq!(quote("it's"), r"'it'\''s'");
    assert_eq!(quote("~"), "'~'");
}

#[test]
fn no_command_line_is_longer_than_a_host_takes() {
    let command = Command::Lease { root: "/var/lib/ship".to_owned(), scope: "x".repeat(80) };
    assert!(command.line().len() < 32 * 1024);
}

#[tokio::test]
async fn a_program_has_three_streams_and_an_end() {
    let Some(server) = Server::start("") else { return };
    let session = server.session().await;
    let script = r#"cat; printf 'to stderr' >&2; exit "$1""#;
    let input: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let output = session.run(&program(&["sh", "-c", script, "x", "7"]), &input, LIMIT).await.unwrap();
    assert_eq!(output.exit, Exit::Code(7));
    assert!(output.stdout == input, "{} bytes came back", output.stdout.len());
    assert_eq!(output.stderr, b"to stderr");
    assert!(session.bytes_up() > 300_000 && session.bytes_down() > 300_000);
}

#[tokio::test]
async fn a_signal_is_told_apart_from_a_code() {
    let Some(server) = Server::start("") else { return };
    let session = server.session().await;
    let output = session.run(&program(&["sh", "-c", "kill -KILL $$"]), b"", LIMIT).await.unwrap();
    assert_eq!(output.exit, Exit::Signal("KILL".to_owned()));
}

#[tokio::test]
async fn waiting_is_counted_by_depth() {
    let Some(server) = Server::start("") else { return };
    let session = server.session().await;
    assert_eq!(session.round_trips().depth(), 0);
    let command = program(&["true"]);
    let runs = (0..5).map(|_| session.run(&command, b"", LIMIT));
    for output in futures_util::future::join_all(runs).await {
        assert!(output.unwrap().exit.is_success());
    }
    assert_eq!(session.round_trips().depth(), 2);
    session.run(&command, b"", LIMIT).await.unwrap();
    assert_eq!(session.round_trips().depth(), 4);
}

#[tokio::test]
async fn more_programs_than_the_server_allows_wait_for_each_other() {
    let Some(server) = Server::start("MaxSessions 2") else { return };
    let session = server.session().await;
    let command = program(&["sleep", "0.2"]);
    let runs = (0..6).map(|_| session.run(&command, b"", LIMIT));
    for output in futures_util::future::join_all(runs).await {
        assert!(output.unwrap().exit.is_success());
    }
}

#[tokio::test]
async fn a_server_without_sessions_says_so_at_once() {
    let Some(server) = Server::start("MaxSessions 0") else { return };
    let session = server.session().await;
    let error = session.run(&program(&["true"]), b"", LIMIT).await.unwrap_err();
    assert_eq!(chain(&error), "cannot set the host up on web-1: the host refused: it could not connect");
}

/// A server on a unix socket that gives back what it got once its input has ended.
fn echo(server: &Server) -> Socket {
    let path = server.path("echo.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).await.unwrap();
                stream.write_all(&bytes).await.unwrap();
            });
        }
    });
    Socket::at(path.to_str().unwrap())
}

async fn through(server: &Server, trips: u64) {
    let session = server.session().await;
    let socket = echo(server);
    for turn in 1..=2 {
        let before = session.round_trips().depth();
        let mut stream = session.dial(&socket).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        if turn == 2 {
            assert_eq!(session.round_trips().depth() - before, trips);
        }
        let sent: Vec<u8> = (0..=255).cycle().take(200_000).collect();
        stream.write_all(&sent).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut got = Vec::new();
        stream.read_to_end(&mut got).await.unwrap();
        assert!(got == sent, "{} bytes came back", got.len());
    }
}

#[tokio::test]
async fn a_socket_is_reached_straight() {
    let Some(server) = Server::start("") else { return };
    through(&server, 1).await;
}

#[tokio::test]
async fn a_socket_is_reached_through_a_program_where_ssh_may_not() {
    let Some(server) = Server::start("AllowStreamLocalForwarding no") else { return };
    through(&server, 2).await;
}

#[tokio::test]
async fn a_socket_that_is_not_there_is_an_error_with_its_reason() {
    let Some(server) = Server::start("") else { return };
    let session = server.session().await;
    let error = session.dial(&Socket::at("/nowhere/a.sock")).await.err().unwrap();
    let text = chain(&error);
    assert!(
        text.starts_with("cannot reach /nowhere/a.sock on web-1: ")
            && text.ends_with("may not use /nowhere/a.sock, or it is not there"),
        "{text}"
    );
}

#[tokio::test]
async fn a_lost_connection_is_never_an_end_of_data() {
    let Some(server) = Server::start("") else { return };
    let session = server.session().await;
    let mut stream = session.dial(&echo(&server)).await.unwrap();
    let process = session.start(&program(&["sleep", "60"])).await.unwrap();
    // The server's process for this connection is the one that has the port's other end.
    let command = program(&["sh", "-c", "kill -KILL $PPID"]);
    let killed = session.run(&command, b"", LIMIT).await;
    assert!(killed.is_err());
    let mut byte = [0];
    assert!(stream.read(&mut byte).await.is_err());
    assert!(process.ending.wait().await.is_err());
    assert!(!session.lost().await.is_empty());
}

#[tokio::test]
async fn an_answer_in_two_pieces_waits_for_no_acknowledgement() {
    let Some(server) = Server::start("") else { return };
    let path = server.path("pieces.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut byte = [0];
        while stream.read_exact(&mut byte).await.is_ok() {
            stream.write_all(b"head").await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
            stream.write_all(b"body").await.unwrap();
        }
    });
    let session = server.session().await;
    let mut stream = session.dial(&Socket::at(path.to_str().unwrap())).await.unwrap();
    let mut spans = Vec::new();
    for _ in 0..40 {
        let asked = Instant::now();
        stream.write_all(b"?").await.unwrap();
        stream.read_exact(&mut [0; 8]).await.unwrap();
        spans.push(asked.elapsed());
    }
    spans.sort();
    // With Nagle's algorithm the kernel's delayed acknowledgement, 40 ms, is in nearly all of them.
    assert!(spans[10] < Duration::from_millis(30), "{spans:?}");
}
