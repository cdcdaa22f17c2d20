//! One service: what serves, what would be put back, and how it got there.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::clock;
use super::deployment::Deployment;
use super::drain::drain;
use super::health::{self, Healthy};
use super::state::ServiceRecord;
use super::target::{Live, Meters, Targets};
use crate::control::{Drained, LastEvent, ProbationStatus, ReleaseStatus, RoutesStatus, ServiceName, ServiceStatus};

/// One service.
pub(super) struct Service {
    name: ServiceName,
    active: Healthy,
    live: Arc<Live>,
    probation: Option<Probation>,
    pub(super) generation: u64,
    /// The generation that was taken back, if that is how the service got to this one.
    pub(super) reverted: Option<u64>,
    /// How the release that was last replaced for good, or taken back, is drained.
    draining: Option<Draining>,
    pub(super) last_event: Option<LastEvent>,
    meters: Arc<Meters>,
}

/// The time in which a switch can be taken back.
pub(super) struct Probation {
    /// `None`: the switch was the service's first.
    previous: Option<Healthy>,
    until: Instant,
    /// Dropped when the probation ends, however it ends.
    ended: watch::Sender<()>,
}

/// A drain that goes on by itself; its end can be waited for by several.
pub(super) type Draining = watch::Receiver<Option<Drained>>;

impl Service {
    /// A new service. Only an explicit revert can take its first release back, because nothing else could serve.
    pub(super) fn first(name: ServiceName, healthy: Healthy, generation: u64) -> Self {
        let mut service = Self::new(name, healthy, generation);
        service.tell(format!("{} is the first release", service.active.deployment().release));
        if service.active.deployment().asked.probation_ms > 0 {
            service.begin_probation(None);
        }
        service
    }

    /// A service as it was before a restart.
    pub(super) fn new(name: ServiceName, healthy: Healthy, generation: u64) -> Self {
        let meters = Arc::<Meters>::default();
        let live = go_live(&name, &healthy, &meters);
        Self {
            name,
            active: healthy,
            live,
            probation: None,
            generation,
            reverted: None,
            draining: None,
            last_event: None,
            meters,
        }
    }

    /// Moves the traffic. The last release that was confirmed stays ready; one that was still on probation is drained.
    pub(super) fn switch(&mut self, healthy: Healthy, generation: u64) {
        self.live = go_live(&self.name, &healthy, &self.meters);
        let replaced = std::mem::replace(&mut self.active, healthy);
        let limit = self.active.deployment().drain;
        let previous = match self.probation.take() {
            Some(probation) => {
                start_drain(replaced.targets(), limit);
                probation.previous
            }
            None => Some(replaced),
        };
        self.generation = generation;
        self.reverted = None;
        self.draining = None;
        let to = self.active.deployment().release.clone();
        self.tell(match &previous {
            Some(previous) => format!("{to} took over from {}", previous.deployment().release),
            None => format!("{to} took over"),
        });
        let time = self.active.deployment().asked.probation_ms;
        if time == 0 {
            self.draining = previous.map(|previous| start_drain(previous.targets(), limit));
        } else {
            self.begin_probation(previous);
        }
    }

    /// From here on the switch can be taken back until the time of the active release is over.
    fn begin_probation(&mut self, previous: Option<Healthy>) {
        let time = Duration::from_millis(self.active.deployment().asked.probation_ms);
        self.probation = Some(Probation { previous, until: Instant::now() + time, ended: watch::Sender::new(()) });
    }

    /// The active release stays, and the previous one is drained.
    pub(super) fn confirm(&mut self, event: String) {
        if let Some(probation) = self.probation.take() {
            let limit = self.active.deployment().drain;
            self.draining = probation.previous.map(|previous| start_drain(previous.targets(), limit));
            self.tell(event);
        }
    }

    /// The previous release serves again, and the active one is drained. False if there is none.
    pub(super) fn put_back(&mut self, generation: u64, event: String) -> bool {
        let Some(previous) = self.probation.take().and_then(|probation| probation.previous) else { return false };
        self.live = go_live(&self.name, &previous, &self.meters);
        let failed = std::mem::replace(&mut self.active, previous);
        self.draining = Some(start_drain(failed.targets(), failed.deployment().drain));
        self.reverted = Some(self.generation);
        self.generation = generation;
        self.tell(event);
        true
    }

    /// The service is gone: drains all that it has.
    pub(super) fn end(self, limit: Duration) -> Draining {
        let Self { active, live, probation, .. } = self;
        drop(live);
        if let Some(previous) = probation.and_then(|probation| probation.previous) {
            start_drain(previous.targets(), limit);
        }
        start_drain(active.targets(), limit)
    }

    pub(super) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live)
    }

    pub(super) fn active(&self) -> &Healthy {
        &self.active
    }

    /// What serves, or while that is on probation, what would be put back.
    pub(super) fn confirmed(&self) -> &Healthy {
        self.previous().unwrap_or(&self.active)
    }

    /// What would be put back.
    pub(super) fn previous(&self) -> Option<&Healthy> {
        self.probation.as_ref()?.previous.as_ref()
    }

    pub(super) fn is_on_probation(&self) -> bool {
        self.probation.is_some()
    }

    pub(super) fn draining(&self) -> Option<Draining> {
        self.draining.clone()
    }

    /// What happened, for people.
    pub(super) fn tell(&mut self, text: String) {
        super::notice(&format!("{}: {text}", self.name));
        self.last_event = Some(LastEvent { at: clock::now_ms(), text });
    }

    /// Everything that may be handed a request now or later: the routes that no other service may take.
    pub(super) fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        std::iter::once(&self.active).chain(self.previous()).map(Healthy::deployment)
    }

    /// What is waited for while on probation: its end, how long it lasts, and a reason to end it early.
    pub(super) fn probation_signals(&self) -> Option<(watch::Receiver<()>, Instant, watch::Receiver<Option<String>>)> {
        let probation = self.probation.as_ref()?;
        Some((probation.ended.subscribe(), probation.until, self.active.targets().failing.subscribe()))
    }

    /// As the state file keeps it.
    pub(super) fn record(&self) -> ServiceRecord {
        ServiceRecord {
            service: self.name.clone(),
            generation: self.generation,
            active: self.active.deployment().asked.clone(),
            on_probation: self.is_on_probation(),
            previous: self.previous().map(|previous| previous.deployment().asked.clone()),
            reverted: self.reverted,
            last_event: self.last_event.clone(),
        }
    }

    pub(super) fn status(&self) -> ServiceStatus {
        let deployment = self.active.deployment();
        let probation = self.probation.as_ref().map(|probation| {
            let remaining = probation.until.saturating_duration_since(Instant::now());
            ProbationStatus {
                previous: probation.previous.as_ref().map(release_status),
                remaining_ms: u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX),
            }
        });
        ServiceStatus {
            service: self.name.clone(),
            routes: RoutesStatus {
                domains: deployment.domains.clone(),
                path_prefix: deployment.asked.routes.path_prefix.clone(),
                strip_prefix: deployment.asked.routes.strip_prefix,
                tls: deployment.certificate.is_some(),
            },
            active: release_status(&self.active),
            probation,
            generation: self.generation,
            requests: self.meters.requests.load(Ordering::Relaxed),
            failed: self.meters.failed.load(Ordering::Relaxed),
            last_event: self.last_event.clone(),
        }
    }
}

/// Only what was proven healthy can take requests.
fn go_live(name: &ServiceName, healthy: &Healthy, meters: &Arc<Meters>) -> Arc<Live> {
    Live::new(name.clone(), Arc::clone(healthy.deployment()), Arc::clone(healthy.targets()), Arc::clone(meters))
}

fn release_status(healthy: &Healthy) -> ReleaseStatus {
    let asked = &healthy.deployment().asked;
    ReleaseStatus {
        release: asked.release,
        role: asked.role.clone(),
        targets: healthy.targets().list.iter().map(|target| target.status()).collect(),
    }
}

/// Begins a drain that goes on by itself.
fn start_drain(targets: &Arc<Targets>, limit: Duration) -> Draining {
    let (done, draining) = watch::channel(None);
    let targets = Arc::clone(targets);
    tokio::spawn(async move {
        done.send_replace(Some(drain(targets, limit).await));
    });
    draining
}

/// Waits for the end of a drain.
pub(super) async fn drained(draining: Option<Draining>) -> Drained {
    let Some(mut draining) = draining else { return Drained::default() };
    let done = draining.wait_for(Option::is_some).await;
    done.ok().and_then(|done| *done).unwrap_or_default()
}

/// Begins to watch the health of a release; ends when it is retired.
pub(super) fn start_watch(healthy: &Healthy) {
    tokio::spawn(health::watch(Arc::clone(healthy.targets()), Arc::clone(healthy.deployment())));
}
