//! What apply tells the world while it works. The set is closed, and it is the only bridge to the screen: milestones
//! are enough to rebuild the end state, progress may be dropped when the screen is slow.

use std::time::Duration;

use crate::name::{HostName, ReleaseNumber};
use crate::plan::Goal;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Work begins.
    Started {
        /// What for.
        goal: Goal,
        /// The hosts of the plan.
        hosts: Vec<HostName>,
    },
    /// An action began on a host.
    StepStarted {
        /// Where.
        host: HostName,
        /// Names the action in this run.
        step: StepId,
        /// In words, as in the plan.
        words: String,
    },
    /// Progress of an action; may be dropped.
    Progress {
        /// Where.
        host: HostName,
        /// Which action.
        step: StepId,
        /// How far.
        progress: Progress,
    },
    /// A line of output of something that runs on behalf of the user.
    Output {
        /// Where.
        host: HostName,
        /// Which action.
        step: StepId,
        /// The line, without its end.
        line: String,
    },
    /// An action is done.
    StepDone {
        /// Where.
        host: HostName,
        /// Which action.
        step: StepId,
        /// How long it took.
        took: Duration,
        /// What is worth knowing of the result: `3 of 9 layers, 1.2 MB`; empty if nothing.
        note: String,
    },
    /// An action failed; the undo follows.
    StepFailed {
        /// Where.
        host: HostName,
        /// Which action.
        step: StepId,
        /// The reason in one line.
        why: String,
    },
    /// The undo begins on a host.
    UndoStarted {
        /// Where.
        host: HostName,
    },
    /// The undo ended on a host.
    UndoDone {
        /// Where.
        host: HostName,
        /// What it could not undo; empty if all is as it was.
        left: Vec<String>,
    },
    /// All is done.
    Finished {
        /// The release that is live now.
        live: Option<ReleaseNumber>,
        /// From the first action to the last.
        took: Duration,
    },
}

/// Names an action in a run: counts from 1.
pub type StepId = u32;

/// How far an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Bytes that went over the wire, of all that will.
    Bytes {
        /// So far.
        done: u64,
        /// In all.
        total: u64,
    },
    /// Waiting, with the number of tries so far.
    Tries(u32),
}
