//! What will be done, as data. A plan is a pure function of configuration, inventory and release: no clock, no
//! randomness, no I/O. It leaves no choice to its execution, and it says from which ledgers it was made.

pub mod action;
pub mod container;
pub mod deploy;
pub mod notation;
pub mod recover;
pub mod remove;
pub mod rollback;
pub mod setup;

use std::collections::BTreeMap;

use crate::name::{HostName, ReleaseNumber, Scope};
use crate::release::ledger::Position;
use action::Action;

/// A plan for all hosts of an app.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The app and its environment.
    pub scope: Scope,
    /// What the plan brings about.
    pub goal: Goal,
    /// The ledger position of each host that the plan was made from; apply refuses if one has moved.
    pub base: BTreeMap<HostName, Position>,
    /// The release that each host serves before; where the undo leads back to.
    pub before: BTreeMap<HostName, Option<ReleaseNumber>>,
    /// In order; the hosts of a wave are changed at the same time. While these run, a failure is undone.
    pub waves: Vec<Wave>,
    /// After all waves: the new release is healthy and serves everywhere, and there is no way back but a rollback.
    pub settle: Wave,
}

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// A new release goes live.
    Deploy(ReleaseNumber),
    /// A retired release goes live again.
    Rollback(ReleaseNumber),
    /// Everything of the app goes.
    Remove,
}

impl Goal {
    /// The release that is to be live in the end.
    pub fn release(self) -> Option<ReleaseNumber> {
        match self {
            Self::Deploy(number) | Self::Rollback(number) => Some(number),
            Self::Remove => None,
        }
    }
}

/// Hosts that are changed at the same time, each with its stages in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wave {
    /// What is done on each host.
    pub hosts: BTreeMap<HostName, Vec<Stage>>,
}

/// Actions that do not depend on each other and are done at the same time.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage(pub Vec<Action>);

impl Plan {
    /// Every action with its host, in the order in which a person reads them.
    pub fn actions(&self) -> impl Iterator<Item = (&HostName, &Action)> {
        self.waves.iter().chain([&self.settle]).flat_map(|wave| {
            wave.hosts.iter().flat_map(|(host, stages)| {
                stages.iter().flat_map(move |stage| stage.0.iter().map(move |action| (host, action)))
            })
        })
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// A host's ledger cannot be trusted.
    #[error("{host} has a damaged ledger: {problem}")]
    Damaged {
        /// The host.
        host: HostName,
        /// Which line, and what is wrong with it.
        problem: String,
    },
    /// A host's ship-proxy does not answer.
    #[error("ship-proxy does not answer on {host}")]
    NoProxy {
        /// The host.
        host: HostName,
    },
    /// The image is for another platform than the host.
    #[error("the image is for {image}, but {host} is {platform}")]
    Platform {
        /// The host.
        host: HostName,
        /// The image's platform.
        image: String,
        /// The host's platform.
        platform: String,
    },
    /// No port is known for the role that takes requests.
    #[error("no port is known for role `{role}`: the image has no EXPOSE and `roles.{role}.port` is not set")]
    NoPort {
        /// The role.
        role: crate::name::RoleName,
    },
    /// A host has no release to go back to.
    #[error("{host} has no earlier release to go back to")]
    NothingBefore {
        /// The host.
        host: HostName,
    },
    /// The release is unknown on a host.
    #[error("{host} does not know {number}")]
    Unknown {
        /// The host.
        host: HostName,
        /// The release.
        number: ReleaseNumber,
        /// What can be rolled back to there.
        candidates: Vec<ReleaseNumber>,
    },
    /// The release is in a state from which it cannot go live again.
    #[error("{number} cannot be put back on {host}: it is {state}")]
    NotRetired {
        /// The host.
        host: HostName,
        /// The release.
        number: ReleaseNumber,
        /// Its state, with the reason if it failed.
        state: String,
        /// What can be rolled back to there.
        candidates: Vec<ReleaseNumber>,
    },
    /// What the release ran with is no longer on the host.
    #[error("{what} of {number} is no longer on {host}")]
    Gone {
        /// The host.
        host: HostName,
        /// The release.
        number: ReleaseNumber,
        /// "the image", "the record".
        what: &'static str,
    },
}

impl crate::diagnostic::Hint for NoPlan {
    fn hints(&self) -> Vec<String> {
        let list = |candidates: &[ReleaseNumber]| match candidates {
            [] => vec!["ship releases".to_owned()],
            some => some.iter().map(|number| format!("ship rollback {number}")).collect(),
        };
        match self {
            Self::Damaged { host, .. } => {
                vec![format!("docs/ledger.md says how to repair it; `ship status --host {host}` shows what runs")]
            }
            Self::NoProxy { host } => vec![format!("ship setup --host {host}")],
            Self::Platform { platform, .. } => vec![format!("set `build.platform = \"{platform}\"` in ship.toml")],
            Self::NoPort { role } => vec![format!("set `roles.{role}.port` in ship.toml, or EXPOSE in the Dockerfile")],
            Self::NothingBefore { .. } | Self::Gone { .. } => vec!["ship releases".to_owned()],
            Self::Unknown { candidates, .. } | Self::NotRetired { candidates, .. } => list(candidates),
        }
    }
}
