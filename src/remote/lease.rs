//! The right to change an app on a host, and the only writer of the app's directory: one program on the host that holds
//! a lock as long as this end of it lives. A deployer that is killed or cut off loses the lease within seconds, and no
//! lock is ever left behind. What is asked at the same time is answered in one round trip.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use super::command::Command;
use super::exec::{Ending, ExecError, ExecReason, Pipe, Process, Stdin, last_words};
use super::files::{State, one_line};
use super::frames::{self, Contents};
use super::session::Session;
use super::wire::Loss;
use crate::diagnostic::Hint;
use crate::name::HostName;

/// The program on the host lets go after 15 s without a line, and this end knows after 12 s that nothing arrives any
/// more: with a line every two seconds, this end always knows first.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);
/// For the first answer.
const TAKE: Duration = Duration::from_secs(30);
/// For one request. A disk that is flushed while an image is loaded can be slow.
const ANSWER: Duration = Duration::from_mins(2);
/// Someone else has it: asked again after this pause.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Base64 goes in lines of this many bytes of content: the host wants a line every few seconds over the slowest link.
const CHUNK: usize = 6 * 1024;

/// The lease could not be had, or is lost, or what was asked of it failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} on {host}")]
pub struct LeaseError {
    /// The host.
    pub host: HostName,
    /// What was being done.
    pub doing: String,
    /// Why.
    #[source]
    pub reason: LeaseReason,
}

/// Why something about a lease failed.
#[derive(Debug, thiserror::Error)]
pub enum LeaseReason {
    /// Someone else has it.
    #[error("{holder} is changing it")]
    Busy {
        /// Who.
        holder: String,
    },
    /// It was held, and is not any more. What was asked for last may have been done or not.
    #[error("the lease is lost: {0}")]
    Lost(String),
    /// The host could not do it; nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// The program could not be run.
    #[error(transparent)]
    Exec(ExecReason),
}

impl LeaseReason {
    /// The disk of the host is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Refused(text) if text.contains("No space left") || text.contains("quota exceeded"))
    }
}

impl Hint for LeaseError {
    fn hints(&self) -> Vec<String> {
        let access = |text: &str| text.contains("sudo") || text.contains("ermission denied");
        match &self.reason {
            LeaseReason::Refused(text) if access(text) => {
                vec![
                    "ship setup, or log in as root, as the deploy user, or as a user with passwordless sudo".to_owned(),
                ]
            }
            LeaseReason::Exec(ExecReason::Open(error)) => error.hints(),
            LeaseReason::Refused(text) if text.contains("bash") => vec!["ship needs bash on the host".to_owned()],
            reason if reason.is_disk_full() => {
                vec!["free some space on the host; docker system df shows what Docker uses".to_owned()]
            }
            _ => Vec::new(),
        }
    }
}

/// A lease that is held. It ends when this is dropped.
pub struct Lease {
    host: HostName,
    scope: String,
    session: Session,
    requests: mpsc::UnboundedSender<Request>,
    loss: Loss,
}

struct Request {
    bytes: Vec<u8>,
    has_contents: bool,
    answer: Option<oneshot::Sender<Result<Contents, String>>>,
}

impl Lease {
    /// Takes the lease of an app, `blog-production`, in `root`, or says who has it. What the host remembers comes with
    /// it.
    pub async fn take(session: &Session, root: &str, scope: &str, holder: &str) -> Result<(Self, State), LeaseError> {
        let command = Command::Lease { root: root.to_owned(), scope: scope.to_owned() };
        let failed = |reason| LeaseError { host: session.host().clone(), doing: command.words(), reason };
        let from_exec = |error: ExecError| failed(LeaseReason::Exec(error.reason));
        let Process { mut stdin, stdout, mut stderr, ending } = session.start(&command).await.map_err(from_exec)?;
        let mut stdout = BufReader::new(stdout);
        let first = async {
            stdin.write_all(format!("{}\n", one_line(holder)).as_bytes()).await?;
            match frames::line(&mut stdout).await? {
                Some(held) if held == "held" => frames::contents(&mut stdout).await.map(|found| Ok(State::from(found))),
                Some(line) => Ok(Err(no_lease(&line))),
                None => Ok(Err(LeaseReason::Refused(String::new()))),
            }
        };
        let reason = match timeout(TAKE, first).await {
            Ok(Ok(Ok(state))) => {
                let loss = Loss::default();
                let (requests, queue) = mpsc::unbounded_channel();
                let line = Line { stdin, stdout, loss: loss.clone(), ending };
                tokio::spawn(line.serve(queue));
                let (host, scope) = (session.host().clone(), scope.to_owned());
                return Ok((Self { host, scope, session: session.clone(), requests, loss }, state));
            }
            Ok(Ok(Err(LeaseReason::Refused(said)))) if said.is_empty() => complaint(&mut stderr, ending).await,
            Ok(Ok(Err(reason))) => reason,
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                LeaseReason::Exec(ExecReason::Nonsense(error.to_string()))
            }
            Ok(Err(error)) => LeaseReason::Lost(error.to_string()),
            Err(_) => LeaseReason::Exec(ExecReason::TimedOut(TAKE.as_secs())),
        };
        Err(failed(reason))
    }

    /// Takes the lease, waiting at most `wait` while someone else has it; `busy` is told who, once for each.
    pub async fn wait(
        session: &Session,
        (root, scope): (&str, &str),
        holder: &str,
        wait: Duration,
        busy: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<(Self, State), LeaseError> {
        let until = Instant::now() + wait;
        let mut told = None;
        loop {
            match Self::take(session, root, scope, holder).await {
                Err(LeaseError { reason: LeaseReason::Busy { holder }, .. }) if Instant::now() < until => {
                    if told.as_ref() != Some(&holder) {
                        busy(&holder);
                        told = Some(holder);
                    }
                    sleep(TRY_AGAIN.min(until.saturating_duration_since(Instant::now()))).await;
                }
                other => return other,
            }
        }
    }

    /// Appends lines to the ledger, all or none, and waits until they are on the disk.
    pub async fn append(&self, lines: &[String]) -> Result<(), LeaseError> {
        let mut bytes = format!("append {}\n", lines.len()).into_bytes();
        for line in lines {
            bytes.extend_from_slice(one_line(line).as_bytes());
            bytes.push(b'\n');
        }
        self.ask("append to the ledger", bytes).await
    }

    /// Cuts the ledger: it keeps this many bytes.
    pub async fn cut_ledger(&self, length: u64) -> Result<(), LeaseError> {
        self.ask("cut the ledger", format!("cut {length}\n").into_bytes()).await
    }

    /// Writes a file (`releases/r42/release.json`), whole or not at all. `mode` is octal: `600`.
    pub async fn put(&self, path: &str, content: &[u8], mode: &str) -> Result<(), LeaseError> {
        let mut bytes = format!("put {mode} {path}\n").into_bytes();
        for chunk in content.chunks(CHUNK) {
            bytes.extend_from_slice(STANDARD.encode(chunk).as_bytes());
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(b".\n");
        self.ask(&format!("write {path}"), bytes).await
    }

    /// Reads a file, if it is there.
    pub async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, LeaseError> {
        let request = format!("get {path}\n").into_bytes();
        self.request(&format!("read {path}"), request, true).await.map(|mut contents| contents.files.remove(path))
    }

    /// Makes sure that the directory of a release (`r42`) is gone.
    pub async fn forget_release(&self, release: &str) -> Result<(), LeaseError> {
        self.ask(&format!("remove what {release} ran with"), format!("forget {release}\n").into_bytes()).await
    }

    /// Makes sure that the app's directory is gone. The lease ends with it.
    pub async fn forget_app(&self) -> Result<(), LeaseError> {
        self.ask("remove the app's directory", b"forget-app\n".to_vec()).await
    }

    /// Ends when the lease is lost, with the reason.
    pub async fn lost(&self) -> String {
        self.loss.token().cancelled().await;
        self.loss.reason().unwrap_or_default().to_owned()
    }

    /// Gives the lease back and waits until it is free. Dropping it does the same without waiting.
    pub async fn release(self) {
        let Self { requests, loss, .. } = self;
        drop(requests);
        let _ = timeout(Duration::from_secs(2), loss.token().cancelled()).await;
    }

    async fn ask(&self, doing: &str, bytes: Vec<u8>) -> Result<(), LeaseError> {
        self.request(doing, bytes, false).await.map(drop)
    }

    async fn request(&self, doing: &str, bytes: Vec<u8>, has_contents: bool) -> Result<Contents, LeaseError> {
        let failed = |reason| {
            let doing = format!("{doing} of {}", self.scope);
            LeaseError { host: self.host.clone(), doing, reason }
        };
        let lost = || failed(LeaseReason::Lost(self.loss.reason().unwrap_or("it has ended").to_owned()));
        let waiting = self.session.round_trips().begin();
        let (told, answer) = oneshot::channel();
        self.requests.send(Request { bytes, has_contents, answer: Some(told) }).map_err(|_| lost())?;
        match timeout(ANSWER, answer).await {
            Ok(Ok(result)) => {
                waiting.end(1);
                result.map_err(|said| failed(LeaseReason::Refused(said)))
            }
            Ok(Err(_)) => Err(lost()),
            Err(_) => {
                self.loss.tell(format!("the host did not answer within {} s", ANSWER.as_secs()));
                Err(lost())
            }
        }
    }
}

/// What the first line says if it is not `held`.
fn no_lease(line: &str) -> LeaseReason {
    match line.split_once(' ') {
        Some(("busy", "")) => LeaseReason::Busy { holder: "someone".to_owned() },
        Some(("busy", holder)) => LeaseReason::Busy { holder: holder.to_owned() },
        Some(("err", reason)) => LeaseReason::Refused(reason.to_owned()),
        _ if line == "busy" => LeaseReason::Busy { holder: "someone".to_owned() },
        _ => LeaseReason::Exec(ExecReason::Nonsense(frames::nonsense(line).to_string())),
    }
}

/// What failed, without the line of the script where it did: `environment: line 79: printf: write error`.
fn without_place(reason: &str) -> String {
    let behind = reason.split_once(": line ").and_then(|(_, rest)| rest.split_once(": "));
    match behind {
        Some((line, rest)) if line.bytes().all(|byte| byte.is_ascii_digit()) => rest.to_owned(),
        _ => reason.to_owned(),
    }
}

/// Why the program ended before it said a word.
async fn complaint(stderr: &mut Pipe, ending: Ending) -> LeaseReason {
    let mut words = Vec::new();
    let _ = timeout(TAKE, stderr.read_to_end(&mut words)).await;
    match (last_words(&words), ending.wait().await) {
        (_, Err(reason)) => LeaseReason::Exec(reason),
        (said, _) if !said.is_empty() => LeaseReason::Refused(said),
        (_, Ok(exit)) => LeaseReason::Refused(format!("the program that holds the lease ended at once ({exit:?})")),
    }
}

/// Both ends of the program that holds the lease.
struct Line {
    stdin: Stdin,
    stdout: BufReader<Pipe>,
    loss: Loss,
    ending: Ending,
}

/// Requests that were sent and not answered, in their order.
type Pending = Arc<Mutex<VecDeque<Request>>>;

impl Line {
    async fn serve(self, queue: mpsc::UnboundedReceiver<Request>) {
        let Self { stdin, stdout, loss, ending } = self;
        let pending = Pending::default();
        let told = loss.token();
        let reason = tokio::select! {
            reason = answers(stdout, pending.clone()) => reason,
            error = send(stdin, queue, pending.clone()) => error,
            () = told.cancelled() => String::new(),
        };
        // Senders are dropped before anybody who waits for one is told why.
        loss.tell(reason);
        pending.lock().unwrap_or_else(PoisonError::into_inner).clear();
        drop(ending);
    }
}

/// Sends requests, and a sign of life where there is nothing to say. Ends only if that fails: the end of the queue is
/// answered by the program's own end.
async fn send(mut stdin: Stdin, mut queue: mpsc::UnboundedReceiver<Request>, pending: Pending) -> String {
    let mut life = interval_at(Instant::now() + SIGN_OF_LIFE, SIGN_OF_LIFE);
    life.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let next = tokio::select! {
            request = queue.recv() => request,
            _ = life.tick() => Some(Request { bytes: b"ping\n".to_vec(), has_contents: false, answer: None }),
        };
        let Some(mut request) = next else {
            let _ = stdin.shutdown().await;
            return std::future::pending().await;
        };
        let bytes = std::mem::take(&mut request.bytes);
        pending.lock().unwrap_or_else(PoisonError::into_inner).push_back(request);
        if let Err(error) = stdin.write_all(&bytes).await {
            return error.to_string();
        }
    }
}

/// Hands the answers to those who asked.
async fn answers(mut stdout: BufReader<Pipe>, pending: Pending) -> String {
    loop {
        let line = match frames::line(&mut stdout).await {
            Ok(Some(line)) => line,
            Ok(None) => return "the program that holds it has ended".to_owned(),
            Err(error) => return error.to_string(),
        };
        let next = pending.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(Request { has_contents, answer, .. }) = next else {
            return frames::nonsense(&line).to_string();
        };
        let result = match line.split_once(' ') {
            None if line == "ok" && has_contents => match frames::contents(&mut stdout).await {
                Ok(contents) => Ok(contents),
                Err(error) => return error.to_string(),
            },
            None if line == "ok" => Ok(Contents::default()),
            Some(("err", reason)) => Err(without_place(reason)),
            _ => return frames::nonsense(&line).to_string(),
        };
        if let Some(answer) = answer {
            let _ = answer.send(result);
        }
    }
}
