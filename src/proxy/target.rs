//! The replicas of one release as requests see them, and the claim by which a request holds on to them.
//!
//! Claiming and counting are one act: the routing table carries an `Arc<Live>`, a request clones it while the table is
//! loaded, and a release is drained when its last `Live` is gone. No request can be between the two.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::deployment::Deployment;
use super::pool::Pool;
use crate::control::{CheckFailure, ServiceName, TargetState, TargetStatus};

/// One replica.
pub(super) struct Target {
    pub(super) name: String,
    pub(super) address: SocketAddr,
    pub(super) pool: Pool,
    healthy: AtomicBool,
    draining: AtomicBool,
    in_flight: AtomicU64,
    failure: Mutex<Option<CheckFailure>>,
}

impl Target {
    fn new(name: String, address: SocketAddr) -> Self {
        Self {
            name,
            address,
            pool: Pool::default(),
            healthy: AtomicBool::new(true),
            draining: AtomicBool::new(false),
            in_flight: AtomicU64::new(0),
            failure: Mutex::new(None),
        }
    }

    /// Records what the health checks think of it.
    pub(super) fn judge(&self, healthy: bool, failure: Option<CheckFailure>) {
        self.healthy.store(healthy, Ordering::Relaxed);
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    pub(super) fn status(&self) -> TargetStatus {
        let state = match (self.draining.load(Ordering::Relaxed), self.healthy.load(Ordering::Relaxed)) {
            (true, _) => TargetState::Draining,
            (false, true) => TargetState::Healthy,
            (false, false) => TargetState::Unhealthy,
        };
        TargetStatus {
            address: self.address.to_string(),
            name: self.name.clone(),
            state,
            in_flight: self.in_flight.load(Ordering::Relaxed),
            failure: self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// A request that is on a target, counted until it is dropped.
pub(super) struct OnTarget(pub(super) Arc<Target>);

impl OnTarget {
    fn new(target: &Arc<Target>) -> Self {
        target.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(target))
    }
}

impl Drop for OnTarget {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Which targets a request has already tried; a release has at most 64.
#[derive(Default)]
pub(super) struct Tried(u64);

/// How requests that are still in flight at the end of a drain are closed: one after the other over this time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) window: Duration,
}

/// The replicas of one release.
pub(super) struct Targets {
    pub(super) list: Vec<Arc<Target>>,
    turn: AtomicUsize,
    /// How many [`Live`] lead here; requests keep theirs alive.
    holds: watch::Sender<usize>,
    cut: watch::Sender<Option<Cut>>,
    /// Gives each request that is cut its place in the queue.
    cut_turn: AtomicU64,
    /// Why the release may not stay, once a target has failed three checks in a row.
    pub(super) failing: watch::Sender<Option<String>>,
    /// Set for good by [`Targets::retire`]: the health checks end.
    pub(super) retired: watch::Sender<bool>,
}

impl Targets {
    pub(super) fn new(deployment: &Deployment) -> Arc<Self> {
        let list = deployment.targets.iter().map(|(name, address)| Arc::new(Target::new(name.clone(), *address)));
        Arc::new(Self {
            list: list.collect(),
            turn: AtomicUsize::new(0),
            holds: watch::Sender::new(0),
            cut: watch::Sender::new(None),
            cut_turn: AtomicU64::new(0),
            failing: watch::Sender::new(None),
            retired: watch::Sender::new(false),
        })
    }

    /// The next target in turn that was not tried: a healthy one, or else any. `None` when all were tried.
    ///
    /// If all are unhealthy they get requests nevertheless: an answer that may come is better than an error for sure.
    pub(super) fn pick(&self, tried: &mut Tried) -> Option<OnTarget> {
        let count = self.list.len();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let open = |index: &usize| tried.0 & (1 << index) == 0;
        let order = || (0..count).map(move |step| turn.wrapping_add(step) % count).filter(open);
        let is_healthy = |index: &usize| self.list.get(*index).is_some_and(|t| t.healthy.load(Ordering::Relaxed));
        let index = order().find(is_healthy).or_else(|| order().next())?;
        tried.0 |= 1 << index;
        self.list.get(index).map(OnTarget::new)
    }

    pub(super) fn any_healthy(&self) -> bool {
        self.list.iter().any(|target| target.healthy.load(Ordering::Relaxed))
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.list.iter().map(|target| target.in_flight.load(Ordering::Relaxed)).sum()
    }

    /// No more reuse of connections, no more health checks. There is no way back.
    pub(super) fn retire(&self) {
        self.retired.send_replace(true);
        for target in &self.list {
            target.draining.store(true, Ordering::Relaxed);
            target.pool.close();
        }
    }

    /// Waits until no request is in flight.
    pub(super) async fn calm(&self) {
        // The sender lives in `self`, so this cannot fail before it is done.
        let _ = self.holds.subscribe().wait_for(|holds| *holds == 0).await;
    }

    /// Tells all requests in flight to end.
    pub(super) fn cut(&self, cut: Cut) {
        self.cut.send_replace(Some(cut));
    }

    /// Waits until it is this request's turn to be closed, which may be never.
    pub(super) async fn wait_for_cut(&self) {
        let mut cut = self.cut.subscribe();
        let window = match cut.wait_for(Option::is_some).await {
            Ok(cut) => cut.map_or(Duration::ZERO, |cut| cut.window),
            Err(_) => return,
        };
        tokio::time::sleep(window.mul_f64(self.place())).await;
    }

    /// Evenly spread over 0..1 without knowing how many will ask: multiples of the golden ratio.
    fn place(&self) -> f64 {
        let turn = self.cut_turn.fetch_add(1, Ordering::Relaxed);
        let turn = u32::try_from(turn % 1_000_000).unwrap_or(0);
        (f64::from(turn) * 0.618_033_988_749_895).fract()
    }
}

/// What a service has counted since ship-proxy started.
#[derive(Default)]
pub(super) struct Meters {
    pub(super) requests: AtomicU64,
    pub(super) failed: AtomicU64,
}

/// A release that takes requests. As `Arc<Live>` it is the claim that each request holds from the moment it has found
/// its route until its last byte, or its tunnel, has ended.
pub(super) struct Live {
    pub(super) service: ServiceName,
    pub(super) deployment: Arc<Deployment>,
    pub(super) targets: Arc<Targets>,
    pub(super) meters: Arc<Meters>,
}

impl Live {
    pub(super) fn new(
        service: ServiceName,
        deployment: Arc<Deployment>,
        targets: Arc<Targets>,
        meters: Arc<Meters>,
    ) -> Arc<Self> {
        targets.holds.send_modify(|holds| *holds += 1);
        Arc::new(Self { service, deployment, targets, meters })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.targets.holds.send_modify(|holds| *holds -= 1);
    }
}
