//! Looks at servers and sets them up, all at the same time: a server that fails holds none of the others up. After its
//! steps each is looked at again, and what it lacks then is a failure: nothing is believed to be done.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use tokio::sync::watch;

use crate::event::{Event, StepId};
use crate::name::HostName;
use crate::plan::setup::{self, AccountName, Problem, ServerFacts, SetupStep, Wanted};
use crate::ports::{Clock, PortError, PortResult, Server};

/// How many lines of a failed step are kept for its error.
const KEPT_LINES: usize = 40;

/// The servers by name.
pub type Servers = BTreeMap<HostName, Arc<dyn Server>>;

/// What is to be done on one server.
#[derive(Debug, Clone)]
pub struct HostSetup {
    /// What it is to become.
    pub wanted: Wanted,
    /// What it lacks.
    pub steps: Vec<SetupStep>,
}

/// What a run needs beside the plans.
pub struct Setup<'a> {
    /// The edges.
    pub servers: &'a Servers,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Told everything that happens: the events of steps, with their output.
    pub tell: &'a (dyn Fn(Event) + Send + Sync),
    /// Becomes true when the user interrupts. What was begun is finished.
    pub interrupt: watch::Receiver<bool>,
}

/// How a server's setup ended.
#[derive(Debug)]
pub enum SetupOutcome {
    /// It lacks nothing; the last look at it.
    Done(Box<ServerFacts>),
    /// The user interrupted; these steps were not begun.
    Interrupted(Vec<SetupStep>),
    /// It failed. Doing it again goes on where it ended.
    Failed(Box<SetupFailure>),
}

/// A failed setup.
#[derive(Debug)]
pub struct SetupFailure {
    /// Why.
    pub error: SetupError,
    /// The last lines that the failed step said.
    pub output: Vec<String>,
    /// Steps that were done.
    pub done: Vec<SetupStep>,
}

/// Why a setup failed.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A step failed; the error says which, and where.
    #[error(transparent)]
    Step(PortError),
    /// The server could not be looked at after its steps.
    #[error("could not check what was done")]
    Look(#[source] PortError),
    /// All steps were done, and the server still lacks something.
    #[error("every step was done, and still lacking: {}", .0.join("; "))]
    Lacking(Vec<String>),
}

impl SetupError {
    /// Commands to type, most useful first.
    pub fn hints(&self) -> Vec<String> {
        let mut hints = match self {
            Self::Step(error) | Self::Look(error) => error.hints.clone(),
            Self::Lacking(_) => Vec::new(),
        };
        hints.push("ship setup (goes on where it ended)".to_owned());
        hints
    }
}

/// Looks at all servers at once.
pub async fn look(servers: &Servers, user: &AccountName) -> BTreeMap<HostName, PortResult<ServerFacts>> {
    let looks = servers.iter().map(|(name, server)| async move { (name.clone(), server.facts(user).await) });
    join_all(looks).await.into_iter().collect()
}

/// Carries the plans out. A host without a server is left out.
pub async fn run(plans: &BTreeMap<HostName, HostSetup>, setup: &Setup<'_>) -> BTreeMap<HostName, SetupOutcome> {
    let steps = AtomicU32::new(0);
    let runs = plans.iter().filter_map(|(name, plan)| {
        let server = &**setup.servers.get(name)?;
        let run = HostRun { name, server, setup, steps: &steps };
        Some(async move { (name.clone(), run.all(plan).await) })
    });
    join_all(runs).await.into_iter().collect()
}

/// One server during a run.
struct HostRun<'a> {
    name: &'a HostName,
    server: &'a dyn Server,
    setup: &'a Setup<'a>,
    steps: &'a AtomicU32,
}

impl HostRun<'_> {
    async fn all(&self, plan: &HostSetup) -> SetupOutcome {
        let failed = |error, output, done: &[SetupStep]| {
            SetupOutcome::Failed(Box::new(SetupFailure { error, output, done: done.to_vec() }))
        };
        for (index, step) in plan.steps.iter().enumerate() {
            let (done, left) = plan.steps.split_at(index);
            if *self.setup.interrupt.borrow() {
                return SetupOutcome::Interrupted(left.to_vec());
            }
            if let Err((error, output)) = self.one(step).await {
                return failed(SetupError::Step(error), output, done);
            }
        }
        let facts = match self.server.facts(&plan.wanted.user).await {
            Ok(facts) => facts,
            Err(error) => return failed(SetupError::Look(error), Vec::new(), &plan.steps),
        };
        let lacking: Vec<_> = match setup::plan(&facts, &plan.wanted) {
            Ok(steps) => steps.iter().map(ToString::to_string).collect(),
            Err(problems) => problems.iter().map(Problem::to_string).collect(),
        };
        if lacking.is_empty() {
            SetupOutcome::Done(Box::new(facts))
        } else {
            failed(SetupError::Lacking(lacking), Vec::new(), &plan.steps)
        }
    }

    /// Does a step and tells of it. A failure comes with the last lines of the step's output.
    async fn one(&self, step: &SetupStep) -> Result<(), (PortError, Vec<String>)> {
        let id: StepId = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        let host = || self.name.clone();
        let kept = Mutex::new(VecDeque::new());
        let before = self.setup.clock.monotonic();
        (self.setup.tell)(Event::StepStarted { host: host(), step: id, words: step.to_string() });
        let line = |line: &str| {
            if let Ok(mut kept) = kept.lock() {
                if kept.len() == KEPT_LINES {
                    kept.pop_front();
                }
                kept.push_back(line.to_owned());
            }
            (self.setup.tell)(Event::Output { host: host(), step: id, line: line.to_owned() });
        };
        match self.server.perform(step, &line).await {
            Ok(()) => {
                let took = self.setup.clock.monotonic().saturating_sub(before);
                (self.setup.tell)(Event::StepDone { host: host(), step: id, took, note: String::new() });
                Ok(())
            }
            Err(error) => {
                // The screen has the step's words; what the error adds is the reason.
                let line = error.one_line();
                let why = line.strip_prefix(&error.doing).map(|rest| rest.trim_start_matches(": "));
                let why = why.filter(|why| !why.is_empty()).unwrap_or(&line).to_owned();
                (self.setup.tell)(Event::StepFailed { host: host(), step: id, why });
                Err((error, kept.into_inner().unwrap_or_default().into()))
            }
        }
    }
}
