//! Gets one request answered by one of a release's targets: which target, which connection, when to try again.
//!
//! What may be tried again: anything of which no byte was sent; and once, a request without a body that is safe to
//! repeat and went out on a connection that the app was just closing (RFC 9110, section 9.2.2).

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};

use super::outgoing::{Outgoing, Progress};
use super::pool::Connection;
use super::rescue::Trouble;
use super::route::Table;
use super::target::{Live, OnTarget, Tried};

/// A target that does not accept within this time is passed over.
const CONNECT: Duration = Duration::from_secs(3);

/// How long a request waits for a target that accepts, while at least one is believed to be healthy: an app that is
/// restarted by Docker is back in about a second.
const PATIENCE: Duration = Duration::from_secs(3);

/// The pause between two rounds over all targets.
const ROUND: Duration = Duration::from_millis(50);

/// How often a connection may turn out closed before the request is given up.
const MOST_RETRIES: u32 = 3;

/// The head of an answer, with what its body needs.
pub(super) struct Sent {
    pub(super) response: Response<Incoming>,
    pub(super) connection: Connection,
    pub(super) on: OnTarget,
    pub(super) live: Arc<Live>,
}

/// How one attempt failed.
enum Failed {
    /// Nothing was sent; here is the request again.
    Unsent(Box<Request<Outgoing>>),
    /// The connection was closed before an answer.
    Closed,
    /// Trying again would not help, or would not be safe.
    For(Trouble),
}

/// Sends, and tries again where that is safe.
pub(super) async fn send(
    table: &ArcSwap<Table>,
    mut live: Arc<Live>,
    mut request: Request<Outgoing>,
    progress: &Progress,
) -> Result<Sent, Trouble> {
    let replayable = request.method().is_idempotent() && request.body().is_end_stream();
    let began = Instant::now();
    let mut tried = Tried::default();
    let mut retries = 0;
    loop {
        let Some(on) = live.targets.pick(&mut tried) else {
            live = another_round(table, live, began).await?;
            tried = Tried::default();
            continue;
        };
        // After a connection that turned out closed, the others that were idle are not trusted either.
        let pooled = if retries == 0 { on.0.pool.take(replayable) } else { None };
        let mut connection = match pooled {
            Some(connection) => connection,
            None => match Connection::open(on.0.address, CONNECT).await {
                Ok(connection) => connection,
                Err(_) => continue,
            },
        };
        let spare = (connection.reused && replayable && retries == 0).then(|| copy(&request));
        match attempt(&mut connection, request, &live, progress).await {
            Ok(response) => return Ok(Sent { response, connection, on, live }),
            Err(Failed::For(trouble)) => return Err(trouble),
            Err(Failed::Unsent(unsent)) if retries < MOST_RETRIES => request = *unsent,
            Err(Failed::Unsent(_)) => return Err(Trouble::Broken),
            Err(Failed::Closed) => request = spare.ok_or(Trouble::Broken)?,
        }
        retries += 1;
        tried = Tried::default();
    }
}

/// All targets refused. Waits a little, if that can help, and looks which release serves by then.
async fn another_round(table: &ArcSwap<Table>, live: Arc<Live>, began: Instant) -> Result<Arc<Live>, Trouble> {
    let now = table.load().current(&live.service);
    // The request was already rewritten for one path prefix; it fits only a release with the same.
    let fits = |other: &Arc<Live>| other.deployment.stripped() == live.deployment.stripped();
    if let Some(other) = now.filter(fits)
        && !Arc::ptr_eq(&other, &live)
    {
        return Ok(other);
    }
    if began.elapsed() >= PATIENCE || !live.targets.any_healthy() {
        return Err(Trouble::Unreachable);
    }
    tokio::time::sleep(ROUND).await;
    Ok(live)
}

/// Sends once. Ends with the answer's head, when the app takes too long, or when the release's drain is over.
async fn attempt(
    connection: &mut Connection,
    request: Request<Outgoing>,
    live: &Live,
    progress: &Progress,
) -> Result<Response<Incoming>, Failed> {
    let answer = async {
        connection.send(request).await.map_err(|mut failed| match failed.take_message() {
            Some(request) => Failed::Unsent(Box::new(request)),
            None => failure(failed.error()),
        })
    };
    tokio::select! {
        biased;
        answered = answer => answered,
        () = too_slow(live.deployment.response_timeout, progress) => Err(Failed::For(Trouble::TimedOut)),
        () = live.targets.wait_for_cut() => Err(Failed::For(Trouble::Cut)),
    }
}

/// Waits until the app has been silent for this long. The time while the client is still sending does not count.
async fn too_slow(limit: Duration, progress: &Progress) {
    let mut timer = pin!(tokio::time::sleep(limit));
    let mut seen = progress.pieces();
    loop {
        timer.as_mut().await;
        let now = progress.pieces();
        if now == seen {
            return;
        }
        seen = now;
        timer.as_mut().reset(tokio::time::Instant::now() + limit);
    }
}

fn failure(error: &hyper::Error) -> Failed {
    if error.is_parse() {
        Failed::For(Trouble::Malformed)
    } else if error.is_user() {
        Failed::For(Trouble::ClientGone)
    } else {
        Failed::Closed
    }
}

/// A copy of a request that has no body.
fn copy(request: &Request<Outgoing>) -> Request<Outgoing> {
    let mut copy = Request::new(Outgoing::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    copy
}
