//! Health checks: before a switch they make the proof that it needs, afterwards they go on, because a release that was
//! healthy once can die at any time.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hyper::header::{CONNECTION, HOST, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Request, StatusCode};

use super::deployment::Deployment;
use super::outgoing::Outgoing;
use super::pool::Connection;
use super::target::{Target, Targets};
use crate::control::{CheckFailure, CheckPassed, TargetReport};

/// One pass can be luck: an app that answers and then finishes its start, or exits.
const PASSES: u32 = 2;

/// One failed check can be a pause; this many in a row are not.
const FAILURES: u32 = 3;

/// The first pause between checks before a switch, so that a fast app is live fast.
const FIRST_PAUSE: Duration = Duration::from_millis(25);

/// Half of what a connection is kept idle at most.
const SWEEP: Duration = Duration::from_millis(500);

/// How much of a failed answer's body is reported.
const BODY_START: usize = 512;

/// A release all of whose targets have passed: the only thing that traffic can be moved to. Made by [`prove`], and by
/// [`remembered`] for what the state file says was once proven.
pub(super) struct Healthy {
    deployment: Arc<Deployment>,
    targets: Arc<Targets>,
}

impl Healthy {
    pub(super) fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }

    pub(super) fn targets(&self) -> &Arc<Targets> {
        &self.targets
    }

    /// One more look at all targets, at the moment of the switch.
    pub(super) async fn look_again(&self) -> bool {
        let checks = self.targets.list.iter().map(|target| check(target, &self.deployment));
        join_all(checks).await.iter().all(Result::is_ok)
    }
}

/// Checks all targets until each has passed twice in a row, or the time is over; then the reports are of all targets,
/// those that passed too.
pub(super) async fn prove(
    deployment: &Arc<Deployment>,
    deadline: Instant,
) -> Result<(Healthy, Vec<CheckPassed>), Vec<TargetReport>> {
    let targets = Targets::new(deployment);
    let trials = join_all(targets.list.iter().map(|target| try_until(target, deployment, deadline))).await;
    if trials.iter().all(|trial| trial.failure.is_none()) {
        let passed = trials.into_iter().map(|trial| CheckPassed {
            target: trial.target,
            tries: trial.tries,
            took_ms: trial.over_ms,
        });
        let passed = passed.collect();
        Ok((Healthy { deployment: Arc::clone(deployment), targets }, passed))
    } else {
        Err(trials)
    }
}

/// The proof that was made before a restart. The state file holds only what was proven, and a restarted proxy must
/// serve at once, without waiting for checks; they go on as for any release.
pub(super) fn remembered(deployment: Deployment) -> Healthy {
    let deployment = Arc::new(deployment);
    Healthy { targets: Targets::new(&deployment), deployment }
}

/// Checks one target until it has passed often enough, or the time is over.
async fn try_until(target: &Arc<Target>, deployment: &Deployment, deadline: Instant) -> TargetReport {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut passes = 0;
    let mut tries = 0;
    let mut failure = None;
    while passes < PASSES {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            failure = failure.or(Some(CheckFailure::TimedOut));
            break;
        }
        let outcome = match tokio::time::timeout(left, check(target, deployment)).await {
            Ok(outcome) => outcome,
            // What an earlier check found says more than that the last one was cut short.
            Err(_) => Err(failure.take().unwrap_or(CheckFailure::TimedOut)),
        };
        tries += 1;
        match outcome {
            Ok(()) => {
                passes += 1;
                pause = FIRST_PAUSE;
            }
            Err(found) => {
                passes = 0;
                failure = Some(found);
            }
        }
        if passes < PASSES {
            tokio::time::sleep(pause.min(deployment.health.interval)).await;
            pause = pause.mul_f32(1.5);
        }
    }
    TargetReport {
        target: target.name.clone(),
        address: target.address.to_string(),
        path: deployment.health.path.to_string(),
        tries,
        over_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        failure: if passes < PASSES { failure } else { None },
    }
}

/// Watches a release that serves, or that could be put back, until it is retired.
pub(super) async fn watch(targets: Arc<Targets>, deployment: Arc<Deployment>) {
    let mut retired = targets.retired.subscribe();
    let watches = targets.list.iter().map(|target| watch_target(target, &targets, &deployment));
    tokio::select! {
        _ = retired.wait_for(|retired| *retired) => {}
        _ = join_all(watches) => {}
        () = sweep(&targets) => {}
    }
}

/// Closes connections that were idle for too long.
async fn sweep(targets: &Targets) {
    loop {
        tokio::time::sleep(SWEEP).await;
        targets.list.iter().for_each(|target| target.pool.sweep());
    }
}

async fn watch_target(target: &Arc<Target>, targets: &Targets, deployment: &Deployment) {
    let mut failures = 0;
    loop {
        tokio::time::sleep(deployment.health.interval).await;
        match check(target, deployment).await {
            Ok(()) => {
                failures = 0;
                target.judge(true, None);
            }
            Err(failure) => {
                failures += 1;
                if failures == FAILURES {
                    let reason = format!(
                        "{} failed {FAILURES} checks in a row: GET http://{}{} {failure}",
                        target.name, target.address, deployment.health.path
                    );
                    targets.failing.send_replace(Some(reason));
                }
                target.judge(failures < FAILURES, Some(failure));
            }
        }
    }
}

/// One check, as a user's request would come: with the app's own `Host` and scheme. A redirect is a failure, because
/// it says nothing about the app behind it.
async fn check(target: &Target, deployment: &Deployment) -> Result<(), CheckFailure> {
    let spec = &deployment.health;
    let mut connection = Connection::open(target.address, spec.timeout).await.map_err(|e| not_connected(&e))?;
    let asked = tokio::time::timeout(spec.timeout, ask(&mut connection, target, deployment));
    asked.await.unwrap_or(Err(CheckFailure::TimedOut))
}

async fn ask(connection: &mut Connection, target: &Target, deployment: &Deployment) -> Result<(), CheckFailure> {
    let malformed = |detail: &dyn ToString| CheckFailure::Malformed { detail: detail.to_string() };
    let host = match &deployment.health.host {
        Some(host) => host.clone(),
        None => HeaderValue::from_str(&target.address.to_string()).map_err(|e| malformed(&e))?,
    };
    let request = Request::get(deployment.health.path.as_str())
        .header(HOST, host)
        .header(USER_AGENT, concat!("ship-proxy/", env!("CARGO_PKG_VERSION"), " (health check)"))
        .header("x-forwarded-proto", deployment.scheme())
        .header(CONNECTION, "close")
        .body(Outgoing::Empty)
        .map_err(|e| malformed(&e))?;
    let response = connection.send(request).await.map_err(|failed| {
        let error = failed.into_error();
        if error.is_parse() { malformed(&error) } else { CheckFailure::Closed }
    })?;
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    if head.status.is_success() {
        return Ok(());
    }
    if let (true, Some(location)) = (head.status.is_redirection(), head.headers.get(LOCATION)) {
        let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
        return Err(CheckFailure::Redirect { status, location });
    }
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(CheckFailure::Status { status, body: String::new() });
    }
    // An endless body must not hide the status.
    let start = tokio::time::timeout(deployment.health.timeout / 2, connection.read_start(body, BODY_START)).await;
    let body = String::from_utf8_lossy(&start.unwrap_or_default()).into_owned();
    Err(CheckFailure::Status { status, body })
}

fn not_connected(error: &io::Error) -> CheckFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => CheckFailure::Refused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => CheckFailure::NoRoute,
        io::ErrorKind::TimedOut => CheckFailure::ConnectTimedOut,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => CheckFailure::Closed,
        _ => CheckFailure::Io { detail: error.to_string() },
    }
}
