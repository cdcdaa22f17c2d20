//! Events folded into what the screen shows: a pure function of the events and the moments at which they came. All
//! decisions are here; the displays draw and decide nothing. The fold is total: what arrives late, twice or
//! unannounced is taken as it makes sense.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::{Event, Progress, StepId};
use crate::name::{HostName, ReleaseNumber};
use crate::plan::Goal;

/// How many lines of output are kept for each host.
pub const TAIL: usize = 20;

/// The span over which a speed is measured: long enough to be calm, short enough to notice a stall.
const WINDOW: Duration = Duration::from_secs(5);

/// The state of the work on all hosts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// What for, once it is known.
    pub goal: Option<Goal>,
    /// The hosts in the plan's order.
    pub hosts: Vec<HostView>,
    /// Set when all is done.
    pub finished: Option<Finished>,
}

/// The end of it all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// The release that is live now.
    pub live: Option<ReleaseNumber>,
    /// From the first action to the last.
    pub took: Duration,
}

/// One host.
#[derive(Debug, Clone, PartialEq)]
pub struct HostView {
    /// Its name.
    pub host: HostName,
    /// Where it is on its way.
    pub phase: Phase,
    /// What it does now, in the order in which it began.
    pub running: Vec<Running>,
    /// What it did, in the order in which it ended.
    pub ended: Vec<Ended>,
    /// The last lines of output.
    pub tail: VecDeque<String>,
}

/// Where a host is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Its turn has not come.
    Waiting,
    /// Actions run, or the next ones are about to.
    Working,
    /// An action failed; the undo is to come.
    Failed,
    /// The undo runs.
    Undoing,
    /// The undo ended.
    Undone {
        /// What it could not undo.
        left: Vec<String>,
    },
    /// Done, with everything.
    Done,
}

/// An action that runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Running {
    /// Names it.
    pub step: StepId,
    /// In words.
    pub words: String,
    /// When it began.
    pub since: Duration,
    /// Bytes on the wire, if it sends some.
    pub transfer: Option<Transfer>,
    /// Tries so far, if it waits for something.
    pub tries: Option<u32>,
}

/// Bytes on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// So far.
    pub done: u64,
    /// In all.
    pub total: u64,
    /// Recent counts with their moments, oldest first.
    samples: VecDeque<(Duration, u64)>,
}

/// An action that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Names it.
    pub step: StepId,
    /// In words.
    pub words: String,
    /// How long it ran.
    pub took: Duration,
    /// How it ended.
    pub end: End,
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Well.
    Done {
        /// What is worth knowing of it; may be empty.
        note: String,
    },
    /// It failed.
    Failed {
        /// Why, in one line.
        why: String,
    },
    /// It was still running when the undo began.
    CutShort,
}

impl View {
    /// Takes in one event that came at a moment of a clock that never goes back.
    pub fn apply(&mut self, event: &Event, at: Duration) {
        match event {
            Event::Started { goal, hosts } => {
                self.goal = Some(*goal);
                for host in hosts {
                    self.host(host);
                }
            }
            Event::StepStarted { host, step, words } => self.host(host).step_started(*step, words, at),
            Event::Progress { host, step, progress } => self.host(host).progress(*step, *progress, at),
            Event::Output { host, line, .. } => self.host(host).output(line),
            Event::StepDone { host, step, took, note } => {
                self.host(host).step_ended(*step, *took, End::Done { note: note.clone() });
            }
            Event::StepFailed { host, step, why } => self.host(host).step_failed(*step, why, at),
            Event::UndoStarted { host } => self.host(host).undo_started(at),
            Event::UndoDone { host, left } => self.host(host).phase = Phase::Undone { left: left.clone() },
            Event::Finished { live, took } => {
                self.finished = Some(Finished { live: *live, took: *took });
                for host in &mut self.hosts {
                    host.finish();
                }
            }
        }
    }

    /// The action that failed first, with its host.
    pub fn failed(&self) -> Option<(&HostName, &Ended)> {
        self.hosts.iter().find_map(|host| {
            let ended = host.ended.iter().find(|ended| matches!(ended.end, End::Failed { .. }))?;
            Some((&host.host, ended))
        })
    }

    /// One host, if the view knows it.
    pub fn find(&self, name: &HostName) -> Option<&HostView> {
        self.hosts.iter().find(|host| host.host == *name)
    }

    fn host(&mut self, name: &HostName) -> &mut HostView {
        let index = self.hosts.iter().position(|host| host.host == *name).unwrap_or_else(|| {
            self.hosts.push(HostView::new(name.clone()));
            self.hosts.len() - 1
        });
        &mut self.hosts[index]
    }
}

impl HostView {
    fn new(host: HostName) -> Self {
        Self { host, phase: Phase::Waiting, running: Vec::new(), ended: Vec::new(), tail: VecDeque::new() }
    }

    /// The action to show if there is room for one: a transfer, else the one that has run longest.
    pub fn main_step(&self) -> Option<&Running> {
        self.running.iter().find(|running| running.transfer.is_some()).or_else(|| self.running.first())
    }

    /// An action that runs.
    pub fn running(&self, step: StepId) -> Option<&Running> {
        self.running.iter().find(|running| running.step == step)
    }

    /// An action that ended.
    pub fn ended(&self, step: StepId) -> Option<&Ended> {
        self.ended.iter().rev().find(|ended| ended.step == step)
    }

    fn step_started(&mut self, step: StepId, words: &str, since: Duration) {
        if self.phase == Phase::Waiting {
            self.phase = Phase::Working;
        }
        if self.running(step).is_none() {
            self.running.push(Running { step, words: words.to_owned(), since, transfer: None, tries: None });
        }
    }

    fn progress(&mut self, step: StepId, progress: Progress, at: Duration) {
        let Some(running) = self.running.iter_mut().find(|running| running.step == step) else { return };
        match progress {
            Progress::Tries(count) => running.tries = Some(count),
            Progress::Bytes { done, total } => {
                let transfer = running.transfer.get_or_insert_with(|| Transfer::new(running.since));
                transfer.reached(done, total, at);
            }
        }
    }

    fn output(&mut self, line: &str) {
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
    }

    /// Ends an action; one that was never announced or has ended already is passed over.
    fn step_ended(&mut self, step: StepId, took: Duration, end: End) {
        if let Some(index) = self.running.iter().position(|running| running.step == step) {
            let Running { words, .. } = self.running.remove(index);
            self.ended.push(Ended { step, words, took, end });
        }
    }

    fn step_failed(&mut self, step: StepId, why: &str, at: Duration) {
        let since = self.running(step).map_or(at, |running| running.since);
        self.step_ended(step, at.saturating_sub(since), End::Failed { why: why.to_owned() });
        if matches!(self.phase, Phase::Waiting | Phase::Working) {
            self.phase = Phase::Failed;
        }
    }

    fn undo_started(&mut self, at: Duration) {
        for Running { step, words, since, .. } in std::mem::take(&mut self.running) {
            self.ended.push(Ended { step, words, took: at.saturating_sub(since), end: End::CutShort });
        }
        self.phase = Phase::Undoing;
    }

    fn finish(&mut self) {
        if matches!(self.phase, Phase::Waiting | Phase::Working) {
            self.phase = Phase::Done;
        }
    }
}

impl Transfer {
    fn new(since: Duration) -> Self {
        Self { done: 0, total: 0, samples: VecDeque::from([(since, 0)]) }
    }

    fn reached(&mut self, done: u64, total: u64, at: Duration) {
        if done < self.done {
            // It began again: what came before says nothing about the speed.
            self.samples.clear();
        }
        (self.done, self.total) = (done, total.max(done));
        self.samples.push_back((at, done));
        // One sample older than the window stays, so that the speed covers all of it.
        while self.samples.get(1).is_some_and(|(moment, _)| *moment + WINDOW < at) {
            self.samples.pop_front();
        }
    }

    /// Bytes per second over the last seconds up to now; `None` while too little is known. A stalled transfer slows
    /// down here by itself, because `at` moves on.
    pub fn speed(&self, at: Duration) -> Option<f64> {
        let (first, from) = self.samples.front()?;
        let span = at.checked_sub(*first).filter(|span| *span >= Duration::from_millis(200))?;
        Some(super::amount::to_f64(self.done.saturating_sub(*from)) / span.as_secs_f64())
    }

    /// The time left at the present speed.
    pub fn left(&self, at: Duration) -> Option<Duration> {
        let speed = self.speed(at).filter(|speed| *speed >= 1.0)?;
        let seconds = super::amount::to_f64(self.total.saturating_sub(self.done)) / speed;
        // Rounded up: there is no time left only when nothing is.
        Duration::try_from_secs_f64(seconds.ceil()).ok()
    }

    /// From 0 to 1.
    pub fn fraction(&self) -> f64 {
        match self.total {
            0 => 0.0,
            total => super::amount::to_f64(self.done) / super::amount::to_f64(total),
        }
    }
}
