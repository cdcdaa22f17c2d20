//! What is on a host now, as observed: containers, images, routes, ledger. Never what was meant.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::{AppName, EnvironmentName, HostName, ReleaseNumber, RoleName};
use crate::release::Release;
use crate::release::history::History;
use crate::release::ledger::Damage;

/// All hosts of an app.
pub type Inventory = BTreeMap<HostName, HostInventory>;

/// One host, seen from one app in one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct HostInventory {
    /// The container engine.
    pub engine: Engine,
    /// This app's containers, running or not.
    pub containers: Vec<Container>,
    /// Tags of this app's images with the image's ID in this engine's store.
    pub images: BTreeMap<String, String>,
    /// Names of all volumes on the host.
    pub volumes: BTreeSet<String>,
    /// Whether the app's network is there.
    pub network: bool,
    /// ship-proxy's state; `None` if it does not answer.
    pub proxy: Option<Proxy>,
    /// The ledger's account, or why it cannot be trusted.
    pub ledger: Result<History, Damage>,
    /// Releases whose record is on the host.
    pub records: BTreeMap<ReleaseNumber, Release>,
    /// Who holds the lease, if it is held by someone else.
    pub held_by: Option<String>,
}

/// The container engine of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// `20.10.24+dfsg1`.
    pub version: String,
    /// `linux/amd64`.
    pub platform: String,
}

/// A container of this app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The engine's identifier.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// From its labels.
    pub labels: Labels,
    /// What it is doing.
    pub status: Status,
    /// The engine's own words: `Up 3 minutes`, `Exited (1) 2 hours ago`.
    pub words: String,
}

/// What says to whom a container belongs. Everything is found by label, never by parsing a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// `ship.app`
    pub app: AppName,
    /// `ship.environment`
    pub environment: EnvironmentName,
    /// `ship.role`
    pub role: RoleName,
    /// `ship.release`
    pub release: ReleaseNumber,
    /// `ship.replica`, from 1.
    pub replica: u16,
}

/// What a container is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Made but never started.
    Created,
    /// Running.
    Running,
    /// The engine starts it again and again.
    Restarting,
    /// Paused by someone.
    Paused,
    /// Ended.
    Exited,
}

/// ship-proxy, as far as this app is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its version.
    pub version: String,
    /// This app's route, if it has one.
    pub route: Option<Route>,
}

/// Where ship-proxy sends this app's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Counts the route's changes; a switch names the one that it was planned from.
    pub generation: u64,
    /// The release that has the traffic.
    pub release: ReleaseNumber,
    /// The release that comes back unless this one is confirmed.
    pub on_probation_from: Option<ReleaseNumber>,
    /// Targets that pass their health checks now, and all targets.
    pub healthy: (usize, usize),
    /// What ship-proxy last did by itself, in words.
    pub last_event: Option<String>,
}

impl HostInventory {
    /// This app's containers of one release.
    pub fn of_release(&self, number: ReleaseNumber) -> impl Iterator<Item = &Container> {
        self.containers.iter().filter(move |container| container.labels.release == number)
    }

    /// The release that requests go to now; for an app without a route, the one that the ledger means.
    pub fn serving(&self) -> Option<ReleaseNumber> {
        let route = self.proxy.as_ref().and_then(|proxy| proxy.route.as_ref()).map(|route| route.release);
        route.or_else(|| self.history()?.live())
    }

    /// What the ledger says, if it can be trusted.
    pub fn history(&self) -> Option<&History> {
        self.ledger.as_ref().ok()
    }
}
