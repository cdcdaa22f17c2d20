//! The closed set of actions. Each is safe to do twice (it ensures a state, it does not make a step), and each says
//! how it is undone. Composite work is several actions, never a clever one.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::name::{Digest, ReleaseNumber, RoleName, Scope};
use crate::release::ledger::Event;
use crate::release::{Health, Image, Mount, Release, Routes};

/// One thing to do on one host.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Write the release's record and secrets, then the intent into the ledger.
    Announce(Box<Release>),
    /// Append events to the ledger, in this order.
    Record(Vec<(ReleaseNumber, Event)>),
    /// Make sure that the app's network exists.
    EnsureNetwork {
        /// Its name.
        name: String,
    },
    /// Make sure that a named volume exists.
    EnsureVolume {
        /// Its name on the host.
        name: String,
    },
    /// Send what the host lacks of the image and prove that it arrived.
    Push {
        /// What is to be there.
        image: Image,
        /// Chains of layers (diff IDs, lowest first) that the host has, as far as it is known.
        have: Vec<Vec<Digest>>,
    },
    /// Run the release command once and wait for its end.
    RunOnce(ContainerSpec),
    /// Make containers, without starting them. A volume that the plan makes gets the ownership that the image's user
    /// needs.
    Create {
        /// What to make.
        containers: Vec<ContainerSpec>,
        /// Mount targets of volumes that are new on this host.
        new_volumes: Vec<String>,
    },
    /// Start containers.
    Start {
        /// Their names.
        containers: Vec<String>,
    },
    /// Wait until containers without requests count as healthy.
    AwaitUp {
        /// Their names.
        containers: Vec<String>,
        /// When they do.
        health: Health,
    },
    /// Have ship-proxy check the new targets and, if they pass, move the traffic on probation.
    Switch(Switch),
    /// Tell ship-proxy that the switch stays, and wait until the old release is drained.
    Confirm {
        /// The longest drain.
        drain: Duration,
    },
    /// Let containers survive a reboot of the host.
    KeepRunning {
        /// Their names.
        containers: Vec<String>,
    },
    /// Stop containers and keep them.
    Stop {
        /// Their names.
        containers: Vec<String>,
    },
    /// Remove containers.
    RemoveContainers {
        /// Their names.
        containers: Vec<String>,
    },
    /// Remove an image's tag, and the image if it was the last one.
    RemoveImage {
        /// The tag.
        reference: String,
    },
    /// Remove a release's record and secrets from the host.
    Forget {
        /// The release.
        release: ReleaseNumber,
    },
    /// Remove the app's ledger with everything beside it.
    ForgetApp,
    /// Put the previous release back at ship-proxy.
    Revert,
    /// Take the app's route away.
    RemoveRoute,
    /// Remove the app's network.
    RemoveNetwork {
        /// Its name.
        name: String,
    },
    /// Remove a named volume with all its data.
    RemoveVolume {
        /// Its name on the host.
        name: String,
    },
}

/// How traffic moves.
#[derive(Debug, Clone, PartialEq)]
pub struct Switch {
    /// The release that is to have the traffic.
    pub release: ReleaseNumber,
    /// The containers that are to answer.
    pub containers: Vec<String>,
    /// Their port.
    pub port: u16,
    /// When they count as healthy.
    pub health: Health,
    /// Which requests.
    pub routes: Routes,
    /// The route's generation that the plan was made from; `None` where it cannot be known beforehand (the app has no
    /// route yet, or the plan itself puts an interrupted switch back first).
    pub generation: Option<u64>,
    /// How long ship-proxy waits for the confirmation before it goes back by itself.
    pub probation: Duration,
}

/// A container to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerSpec {
    /// `blog-production-web-r42-1`
    pub name: String,
    /// App and environment.
    pub scope: Scope,
    /// The role.
    pub role: RoleName,
    /// The release.
    pub release: ReleaseNumber,
    /// From 1.
    pub replica: u16,
    /// The image's tag on the host.
    pub image: String,
    /// Replaces the image's CMD.
    pub command: Option<Vec<String>>,
    /// Plain environment.
    pub env: BTreeMap<String, String>,
    /// The secrets that it gets as environment.
    pub secret_names: Vec<String>,
    /// What is mounted; volumes by their names in `ship.toml`.
    pub mounts: Vec<Mount>,
    /// The network that it is on.
    pub network: String,
    /// Bytes.
    pub memory: Option<u64>,
    /// Thousandths of a CPU.
    pub millicpus: Option<u32>,
    /// `SIGTERM` …
    pub stop_signal: Option<String>,
    /// Before it is killed.
    pub stop_timeout: Duration,
    /// Runs as.
    pub user: Option<String>,
}

impl Action {
    /// What is done if a later action fails, in the reverse order; `None` where nothing needs to be.
    ///
    /// The new release's containers are stopped, not removed: their logs explain the failure. Its image stays for the
    /// next try. The release command cannot be undone, and the screen says so.
    pub fn undo(&self) -> Option<Action> {
        match self {
            Self::Start { containers } => Some(Self::Stop { containers: containers.clone() }),
            Self::Switch(_) => Some(Self::Revert),
            _ => None,
        }
    }
}
