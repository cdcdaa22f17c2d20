//! Connections that stopped being HTTP: websockets, and whatever else an app switches to. Bytes are passed on as they
//! come until one side ends, or until the drain of the app's release is over.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::Answer;
use super::headers;
use super::pool::Connection;
use super::target::{Live, OnTarget};
use super::websocket::{self, Frames};

/// What is read at once in each direction; websockets are many and mostly idle.
const BUFFER: usize = 4096;

/// How long a closing websocket has to finish a frame, and then to answer the close.
const CLOSING: Duration = Duration::from_secs(1);

/// Answers 101 and joins client and app behind it.
pub(super) fn tunnel(
    response: Response<Incoming>,
    client: OnUpgrade,
    connection: Connection,
    (live, on): (Arc<Live>, OnTarget),
) -> Response<Answer> {
    let (mut head, _) = response.into_parts();
    let protocol = head.headers.get(UPGRADE).cloned().unwrap_or_else(|| HeaderValue::from_static("websocket"));
    let is_websocket = protocol.as_bytes().eq_ignore_ascii_case(b"websocket");
    headers::remove_hop_by_hop(&mut head.headers);
    head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    head.headers.insert(UPGRADE, protocol);
    head.status = StatusCode::SWITCHING_PROTOCOLS;
    tokio::spawn(async move {
        let app = connection.into_stream().await;
        if let Ok(client) = client.await {
            // An error is the end of a connection, which is how tunnels end.
            let _ = join(client, app, &live, is_websocket).await;
        }
        drop(on);
    });
    Response::from_parts(head, Answer::empty())
}

async fn join(client: Upgraded, app: (TcpStream, Bytes), live: &Live, is_websocket: bool) -> io::Result<()> {
    let (mut app, already_read) = app;
    let (mut client_reads, mut client_writes) = tokio::io::split(TokioIo::new(client));
    let (mut app_reads, mut app_writes) = app.split();
    let mut up = Pump::new(false);
    let mut down = Pump::new(is_websocket);
    down.buffer.extend_from_slice(&already_read);
    // Of a websocket nothing useful comes any more once one side has ended; other protocols may live half-closed.
    let after_end = if is_websocket { CLOSING } else { Duration::MAX };
    let both = async {
        let mut up = pin!(up.run(&mut client_reads, &mut app_writes));
        let mut down = pin!(down.run(&mut app_reads, &mut client_writes));
        let rest = tokio::select! {
            ended = &mut up => { ended?; tokio::time::timeout(after_end, down).await }
            ended = &mut down => { ended?; tokio::time::timeout(after_end, up).await }
        };
        rest.unwrap_or(Ok(()))
    };
    tokio::select! {
        ended = both => return ended,
        () = live.targets.wait_for_cut() => {}
    }
    if is_websocket {
        let frame_end = down.run_to_frame_end(&mut app_reads, &mut client_writes);
        if let Ok(finished) = tokio::time::timeout(CLOSING, frame_end).await {
            finished?;
            client_writes.write_all(&websocket::close_frame()).await?;
            client_writes.flush().await?;
        }
    }
    client_writes.shutdown().await?;
    // The client's own close comes; reading it keeps the close from turning into a reset that would overtake it.
    let mut rest = [0; 512];
    let read_rest = async { while client_reads.read(&mut rest).await.is_ok_and(|n| n > 0) {} };
    let _ = tokio::time::timeout(CLOSING, read_rest).await;
    Ok(())
}

/// One direction. What was read and not yet written is kept here, so that it can be interrupted between two writes and
/// go on.
struct Pump {
    buffer: Vec<u8>,
    written: usize,
    frames: Option<Frames>,
}

impl Pump {
    fn new(follow_frames: bool) -> Self {
        Self { buffer: Vec::new(), written: 0, frames: follow_frames.then(Frames::default) }
    }

    /// Until the reading side ends, which is then said to the writing side.
    async fn run(
        &mut self,
        reads: &mut (impl AsyncRead + Unpin),
        writes: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        while self.step(reads, writes).await? {}
        writes.shutdown().await
    }

    /// Until a frame ends.
    async fn run_to_frame_end(
        &mut self,
        reads: &mut (impl AsyncRead + Unpin),
        writes: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        while self.written < self.buffer.len() || self.frames.as_ref().is_some_and(|frames| !frames.between()) {
            if !self.step(reads, writes).await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// One read or one write; each can be interrupted without losing a byte. False: the reading side has ended.
    async fn step(
        &mut self,
        reads: &mut (impl AsyncRead + Unpin),
        writes: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<bool> {
        let waiting = self.buffer.get(self.written..).unwrap_or_default();
        if waiting.is_empty() {
            writes.flush().await?;
            self.buffer.clear();
            self.written = 0;
            self.buffer.reserve_exact(BUFFER);
            return Ok(reads.read_buf(&mut self.buffer).await? > 0);
        }
        let count = writes.write(waiting).await?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        if let (Some(frames), Some(passed)) = (&mut self.frames, waiting.get(..count)) {
            frames.pass(passed);
        }
        self.written += count;
        Ok(true)
    }
}
