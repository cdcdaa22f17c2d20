//! The life of a release on one host: one total function that is used both when an event is written and when a ledger
//! is read, so that nothing can be recorded that could not be read back.

use std::fmt;

use serde::{Deserialize, Serialize};

/// In what state a release is on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its intent is written; nothing of it is known to be there.
    Planned,
    /// Its image is on the host, its record and secrets are written.
    Staged,
    /// Its containers run and passed their health checks.
    Healthy,
    /// It has the traffic.
    Live,
    /// It had the traffic; its containers are stopped and kept for a rollback.
    Retired,
    /// It did not become live, or had to give way; kept for its logs.
    Failed,
    /// Its containers, image, record and secrets are gone; only its lines in the ledger remain.
    Pruned,
}

impl State {
    /// All states, in the order of a release's life.
    pub const ALL: [Self; 7] =
        [Self::Planned, Self::Staged, Self::Healthy, Self::Live, Self::Retired, Self::Failed, Self::Pruned];

    /// The state after a transition, or the reason why there is none. DESIGN.md section 4 has the same table.
    pub fn next(self, transition: Transition) -> Result<Self, IllegalTransition> {
        use State::{Failed, Healthy, Live, Planned, Pruned, Retired, Staged};
        match (self, transition) {
            (Planned, Transition::Staged) => Ok(Staged),
            (Staged | Retired, Transition::Healthy) => Ok(Healthy),
            (Healthy, Transition::Live) => Ok(Live),
            (Live, Transition::Superseded) => Ok(Retired),
            // A later host can fail after this one has switched, hence also from `Live`.
            (Planned | Staged | Healthy | Live, Transition::Failed) => Ok(Failed),
            (Retired | Failed, Transition::Pruned) => Ok(Pruned),
            (state, transition) => Err(IllegalTransition { state, transition }),
        }
    }

    /// Whether a deploy or rollback was under way: a crash leaves a release in such a state.
    pub fn is_unfinished(self) -> bool {
        matches!(self, Self::Planned | Self::Staged | Self::Healthy)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Planned => "planned",
            Self::Staged => "staged",
            Self::Healthy => "healthy",
            Self::Live => "live",
            Self::Retired => "retired",
            Self::Failed => "failed",
            Self::Pruned => "pruned",
        })
    }
}

/// What can happen to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transition {
    /// Its image and record arrived.
    Staged,
    /// It passed its health checks.
    Healthy,
    /// It took the traffic.
    Live,
    /// Another release took the traffic.
    Superseded,
    /// It did not get there, or had to go back.
    Failed,
    /// It was cleaned up.
    Pruned,
}

impl Transition {
    /// All transitions.
    pub const ALL: [Self; 6] = [Self::Staged, Self::Healthy, Self::Live, Self::Superseded, Self::Failed, Self::Pruned];
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Staged => "staged",
            Self::Healthy => "healthy",
            Self::Live => "live",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Pruned => "pruned",
        })
    }
}

/// A transition that the table does not have: a damaged ledger or a bug in ship.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {state} release cannot become {transition}")]
pub struct IllegalTransition {
    /// The state before.
    pub state: State,
    /// What was to happen.
    pub transition: Transition,
}
