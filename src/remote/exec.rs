//! Programs on a host, with separate stdin, stdout and stderr, and the way they ended.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::command::Command;
use super::gate::Gate;
use super::round_trips::Waiting;
use super::session::{OpenError, Session, Slot};
use super::wire::Loss;
use crate::diagnostic::Hint;
use crate::name::HostName;

/// Packets of output that wait for their reader.
const WAITING: usize = 64;

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// With this code.
    Code(u32),
    /// Killed by this signal, named without `SIG`.
    Signal(String),
}

impl Exit {
    /// It ended with 0.
    pub fn is_success(&self) -> bool {
        *self == Self::Code(0)
    }
}

/// All that a program came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// The last line of standard error that says something, for messages.
    pub fn last_words(&self) -> String {
        last_words(&self.stderr)
    }
}

pub(super) fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.trim().chars().filter(|c| !c.is_control()).collect()
}

/// A program that could not be run to its end.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} on {host}")]
pub struct ExecError {
    /// The host.
    pub host: HostName,
    /// What the program was for.
    pub doing: String,
    /// Why.
    #[source]
    pub reason: ExecReason,
}

/// Why a program could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExecReason {
    /// There was no channel for it.
    #[error(transparent)]
    Open(OpenError),
    /// The server runs no programs for this user.
    #[error("the host runs no programs for this user")]
    NotAllowed,
    /// The connection was lost; the program may have done its work or not.
    #[error("the connection is lost: {0}")]
    Lost(String),
    /// It took too long.
    #[error("it did not end within {0} s")]
    TimedOut(u64),
    /// It failed.
    #[error("{0}")]
    Failed(String),
    /// It answered something that is not an answer.
    #[error("the host answered something else: {0}")]
    Nonsense(String),
}

impl Hint for ExecError {
    fn hints(&self) -> Vec<String> {
        let sudo = |text: &String| text.contains("sudo") || text.contains("ermission denied");
        match &self.reason {
            ExecReason::Failed(text) if sudo(text) => vec![format!(
                "log in to {} as root, as the deploy user, or as a user with passwordless sudo (`user` in ship.toml)",
                self.host
            )],
            ExecReason::Open(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}

/// A running program. It is hung up when this is dropped.
pub struct Process {
    /// Its standard input; dropping it ends it.
    pub stdin: Stdin,
    /// Its standard output. One that is not read stops the program, and after a while the connection; drop what is not
    /// wanted.
    pub stdout: Pipe,
    /// Its standard error, likewise.
    pub stderr: Pipe,
    /// How it ended.
    pub ending: Ending,
}

/// The end of a program, to wait for.
pub struct Ending {
    receiver: oneshot::Receiver<Result<Exit, ExecReason>>,
    _hang_up: DropGuard,
}

impl Ending {
    /// Waits until the program has ended.
    pub async fn wait(self) -> Result<Exit, ExecReason> {
        self.receiver.await.unwrap_or_else(|_| Err(ExecReason::Lost("the connection was closed".to_owned())))
    }
}

impl Session {
    /// Starts a program.
    pub async fn start(&self, command: &Command) -> Result<Process, ExecError> {
        let failed = |reason| ExecError { host: self.host().clone(), doing: command.words(), reason };
        let (channel, slot) = self.open_session().await.map_err(|error| failed(ExecReason::Open(error)))?;
        let waiting = self.round_trips().begin();
        // The answer to this is not waited for: what follows it on the wire arrives behind it.
        let asked = channel.exec(true, command.line()).await;
        asked.map_err(|error| failed(ExecReason::Lost(error.to_string())))?;
        let (read, write) = channel.split();
        let write = Arc::new(write);
        let loss = self.loss().clone();
        let stdin = Stdin::new(write.clone(), self.gate());
        let (to_stdout, stdout) = mpsc::channel(WAITING);
        let (to_stderr, stderr) = mpsc::channel(WAITING);
        let (told, receiver) = oneshot::channel();
        let hang_up = CancellationToken::new();
        let pump =
            Pump { read, write, stdout: to_stdout, stderr: to_stderr, waiting: Some(waiting), loss: loss.clone() };
        let session = self.clone();
        let token = hang_up.clone();
        tokio::spawn(async move {
            let _ = told.send(pump.run(token, slot).await);
            drop(session);
        });
        let ending = Ending { receiver, _hang_up: hang_up.drop_guard() };
        Ok(Process { stdin, stdout: Pipe::new(stdout, loss.clone()), stderr: Pipe::new(stderr, loss), ending })
    }

    /// Runs a program with this input, to its end or to the limit.
    pub async fn run(&self, command: &Command, input: &[u8], limit: Duration) -> Result<Output, ExecError> {
        let failed = |reason| ExecError { host: self.host().clone(), doing: command.words(), reason };
        let Process { mut stdin, mut stdout, mut stderr, ending } = self.start(command).await?;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let work = async {
            let feed = async {
                // A program that does not want its input has its reasons, and its exit code says them.
                let _ = stdin.write_all(input).await;
                let _ = stdin.shutdown().await;
            };
            let ((), _, _) = tokio::join!(feed, stdout.read_to_end(&mut out), stderr.read_to_end(&mut err));
            ending.wait().await
        };
        match timeout(limit, work).await {
            Ok(Ok(exit)) => Ok(Output { exit, stdout: out, stderr: err }),
            Ok(Err(reason)) => Err(failed(reason)),
            Err(_) => Err(failed(ExecReason::TimedOut(limit.as_secs()))),
        }
    }
}

/// Carries a channel's messages to the program's pipes.
struct Pump {
    read: ChannelReadHalf,
    write: Arc<ChannelWriteHalf<Msg>>,
    stdout: mpsc::Sender<Bytes>,
    stderr: mpsc::Sender<Bytes>,
    waiting: Option<Waiting>,
    loss: Loss,
}

impl Pump {
    async fn run(mut self, hang_up: CancellationToken, _slot: Slot) -> Result<Exit, ExecReason> {
        let mut exit = None;
        loop {
            let message = tokio::select! {
                () = hang_up.cancelled() => break,
                message = self.read.wait() => message,
            };
            if let Some(waiting) = self.waiting.take() {
                waiting.end(1);
            }
            match message {
                // A pipe that nobody reads any more takes nothing, and that is all right.
                Some(ChannelMsg::Data { data }) => drop(self.stdout.send(data).await),
                Some(ChannelMsg::ExtendedData { data, ext: 1 }) => drop(self.stderr.send(data).await),
                Some(ChannelMsg::ExitStatus { exit_status }) => exit = Some(Exit::Code(exit_status)),
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    exit = Some(Exit::Signal(format!("{signal_name:?}")));
                }
                Some(ChannelMsg::Failure) => return Err(ExecReason::NotAllowed),
                Some(ChannelMsg::Close) | None => break,
                Some(_) => {}
            }
        }
        let _ = self.write.close().await;
        exit.ok_or_else(|| ExecReason::Lost(self.loss.reason().unwrap_or("the channel was closed").to_owned()))
    }
}

/// A program's output.
pub struct Pipe {
    receiver: mpsc::Receiver<Bytes>,
    rest: Bytes,
    loss: Loss,
}

impl Pipe {
    fn new(receiver: mpsc::Receiver<Bytes>, loss: Loss) -> Self {
        Self { receiver, rest: Bytes::new(), loss }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.rest.is_empty() {
            match this.receiver.poll_recv(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(bytes)) => this.rest = bytes,
                Poll::Ready(None) if this.loss.reason().is_some() => return Poll::Ready(Err(this.loss.error())),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
            }
        }
        let length = this.rest.len().min(buf.remaining());
        buf.put_slice(this.rest.get(..length).unwrap_or_default());
        this.rest.advance(length);
        Poll::Ready(Ok(()))
    }
}

/// A program's input.
pub struct Stdin {
    writer: Pin<Box<dyn AsyncWrite + Send>>,
    half: Arc<ChannelWriteHalf<Msg>>,
    ended: bool,
    gate: Gate,
}

impl Stdin {
    fn new(half: Arc<ChannelWriteHalf<Msg>>, gate: Gate) -> Self {
        Self { writer: Box::pin(half.make_writer()), half, ended: false, gate }
    }
}

impl AsyncWrite for Stdin {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.gate.poll_write(cx, this.writer.as_mut(), buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().writer.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.writer.as_mut().poll_shutdown(cx) {
            Poll::Pending => this.gate.poll_lost(cx),
            Poll::Ready(result) => {
                this.ended = true;
                Poll::Ready(result)
            }
        }
    }
}

impl Drop for Stdin {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let half = self.half.clone();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let _ = half.eof().await;
            });
        }
    }
}
