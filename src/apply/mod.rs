//! Does what a plan says, and nothing else: waves of hosts in parallel, each host's stages in order. It tells events
//! and never prints; it makes no choice that the plan did not make. On failure it undoes in reverse order and says in
//! what state the hosts are now.

mod explain;
mod health;
mod journal;
pub mod setup;
mod step;
mod undo;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join_all;
use tokio::sync::watch;

use crate::event::{Event, StepId};
use crate::name::{HostName, ReleaseNumber};
use crate::plan::{Goal, Plan, Stage, Wave, notation};
use crate::ports::{Lease, World};
use crate::release::Secrets;
use crate::release::ledger::Position;

pub use explain::StepError;
use step::HostRun;

/// The right to change a host, with the ledger position at which it was taken.
#[derive(Clone)]
pub struct Held {
    /// The lease.
    pub lease: Arc<dyn Lease>,
    /// Where the ledger's next line goes.
    pub position: Position,
}

/// What a run needs beside the plan.
pub struct Run<'a> {
    /// The edges.
    pub world: &'a World,
    /// A lease for each host of the plan.
    pub leases: &'a BTreeMap<HostName, Held>,
    /// The secrets of the new release; a rollback takes them from the host instead.
    pub secrets: &'a Secrets,
    /// Who does it, for the ledger.
    pub by: &'a str,
    /// Told everything that happens.
    pub tell: &'a (dyn Fn(Event) + Send + Sync),
    /// Becomes true when the user interrupts.
    pub interrupt: watch::Receiver<bool>,
}

/// How a run ended.
#[derive(Debug)]
pub enum Outcome {
    /// All is done.
    Done,
    /// It failed or was interrupted.
    Failed(Box<Failed>),
}

/// A failed run.
#[derive(Debug)]
pub struct Failed {
    /// The first failures of all hosts; empty if the user interrupted.
    pub failures: Vec<StepFailure>,
    /// What each host is like after the undo.
    pub hosts: BTreeMap<HostName, After>,
    /// It failed when the new release was already healthy everywhere: nothing was undone.
    pub settling: bool,
    /// The release command had run; it cannot be undone.
    pub command_ran: bool,
}

/// An action that failed on a host.
#[derive(Debug)]
pub struct StepFailure {
    /// Where.
    pub host: HostName,
    /// The action, in words.
    pub what: String,
    /// Why.
    pub error: StepError,
}

/// A host after a failed run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// The release that serves, as far as it is known.
    pub serves: Option<ReleaseNumber>,
    /// The host does not answer any more.
    pub lost: bool,
    /// What could not be undone.
    pub left: Vec<String>,
}

/// Why a run cannot begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No lease for a host of the plan.
    #[error("the plan changes {0}, for which no lease is held")]
    NoLease(HostName),
    /// The ledger moved since the plan was made.
    #[error("the ledger of {host} has moved from line {planned} to line {now} since the plan was made")]
    Moved {
        /// The host.
        host: HostName,
        /// The line that the plan was made from.
        planned: u64,
        /// The line now.
        now: u64,
    },
}

/// Carries a plan out.
pub async fn run(plan: &Plan, run: &Run<'_>) -> Result<Outcome, Refused> {
    check(plan, run)?;
    let started = run.world.clock.monotonic();
    (run.tell)(Event::Started { goal: plan.goal, hosts: plan.base.keys().cloned().collect() });
    let steps = AtomicU32::new(0);
    let hosts = host_runs(plan, run, &steps);
    for wave in &plan.waves {
        let failures = wave_on(wave, &hosts, Cancel::OnFirstFailure).await;
        if !failures.is_empty() || *run.interrupt.borrow() {
            return Ok(undo::all(plan, run, &hosts, failures).await);
        }
    }
    let failures = wave_on(&plan.settle, &hosts, Cancel::Never).await;
    if failures.is_empty() {
        let took = run.world.clock.monotonic().saturating_sub(started);
        (run.tell)(Event::Finished { live: plan.goal.release(), took });
        return Ok(Outcome::Done);
    }
    Ok(Outcome::Failed(Box::new(Failed {
        failures,
        hosts: undo::look(plan, &hosts).await,
        settling: true,
        command_ran: hosts.values().any(HostRun::ran_command),
    })))
}

fn check(plan: &Plan, run: &Run<'_>) -> Result<(), Refused> {
    for (host, planned) in &plan.base {
        let held = run.leases.get(host).ok_or_else(|| Refused::NoLease(host.clone()))?;
        if held.position != *planned {
            return Err(Refused::Moved { host: host.clone(), planned: planned.seq, now: held.position.seq });
        }
    }
    Ok(())
}

fn host_runs<'a>(plan: &'a Plan, run: &'a Run<'a>, steps: &'a AtomicU32) -> BTreeMap<HostName, HostRun<'a>> {
    run.leases
        .iter()
        .filter_map(|(name, held)| Some((name.clone(), HostRun::new(name, plan, run, held, steps)?)))
        .collect()
}

/// Whether a wave may be stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancel {
    /// By the user, and when one host fails.
    OnFirstFailure,
    /// Not any more: stopping here would leave hosts in different states.
    Never,
}

/// The hosts of a wave at the same time. Answers the failures, empty if all went well.
async fn wave_on(wave: &Wave, hosts: &BTreeMap<HostName, HostRun<'_>>, cancel: Cancel) -> Vec<StepFailure> {
    let (stop, stopped) = watch::channel(false);
    let works =
        wave.hosts.iter().filter_map(|(name, stages)| Some((hosts.get(name)?, stages))).map(|(host, stages)| {
            let stop = &stop;
            let stopped = stopped.clone();
            async move {
                let failure = stages_on(stages, host, cancel, stopped).await;
                if failure.is_some() {
                    let _ = stop.send(true);
                }
                failure
            }
        });
    join_all(works).await.into_iter().flatten().collect()
}

async fn stages_on(
    stages: &[Stage],
    host: &HostRun<'_>,
    cancel: Cancel,
    stopped: watch::Receiver<bool>,
) -> Option<StepFailure> {
    for stage in stages {
        if cancel == Cancel::OnFirstFailure && (*stopped.borrow() || host.interrupted()) {
            return None;
        }
        let works = stage.0.iter().map(|action| {
            let stopped = stopped.clone();
            async move {
                let step = host.next_step();
                match cancel {
                    Cancel::OnFirstFailure => host.act_unless_stopped(action, step, stopped).await,
                    Cancel::Never => host.act(action, step).await,
                }
                .map_err(|error| (action, step, error))
            }
        });
        let failed = join_all(works).await.into_iter().find_map(Result::err);
        if let Some((action, step, error)) = failed {
            let why = error.one_line();
            (host.run.tell)(Event::StepFailed { host: host.name.clone(), step, why });
            return Some(StepFailure { host: host.name.clone(), what: notation::words(action), error });
        }
    }
    None
}

/// Counts the actions of a run.
fn next_step(steps: &AtomicU32) -> StepId {
    steps.fetch_add(1, Ordering::Relaxed) + 1
}

impl Failed {
    /// Whether the user interrupted and nothing failed by itself.
    pub fn is_interrupt(&self) -> bool {
        self.failures.is_empty()
    }

    /// Whether all hosts are back where the plan found them.
    pub fn is_undone(&self, plan: &Plan) -> bool {
        !self.settling
            && self.hosts.iter().all(|(name, after)| {
                !after.lost && after.left.is_empty() && plan.before.get(name).copied().flatten() == after.serves
            })
    }
}

/// Whether a goal ends in a release that a failed run must mark as failed.
fn announces(goal: Goal) -> Option<ReleaseNumber> {
    match goal {
        Goal::Deploy(number) => Some(number),
        Goal::Rollback(_) | Goal::Remove => None,
    }
}
