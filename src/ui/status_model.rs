//! What the ledger meant beside what the inventory says is. Neither is derived from the other, and every difference is
//! put into words with the command that settles it. A pure function: `ship status` exits with 0 only if it finds none.

use std::collections::BTreeMap;

use crate::inventory::{Container, HostInventory, Route, Status as Doing};
use crate::name::{HostName, ReleaseNumber, RoleName, Scope};
use crate::release::Release;
use crate::release::state::State;

/// How a host was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen<'a> {
    /// It could not be reached.
    Unreachable {
        /// The reason in one line.
        why: String,
        /// What to do about it, if the reason says so.
        hint: Option<String>,
    },
    /// It answers, but `ship setup` has not been there, with what is missing.
    NotSetUp(String),
    /// It was looked at.
    Host(&'a HostInventory),
}

/// What is known of something: that it is not there is not the same as not to know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Known<T> {
    /// It could not be found out.
    #[default]
    Unknown,
    /// There is none.
    Nothing,
    /// It is this.
    Is(T),
}

impl<T> Known<T> {
    fn of(found: Option<T>) -> Self {
        found.map_or(Self::Nothing, Self::Is)
    }

    /// The value, if there is one and it is known.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Unknown | Self::Nothing => None,
        }
    }
}

/// All hosts of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// App and environment.
    pub scope: Scope,
    /// Host by host.
    pub hosts: BTreeMap<HostName, HostStatus>,
    /// What is wrong with the hosts taken together.
    pub fleet: Vec<Disagreement>,
}

/// One host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostStatus {
    /// The release that is live, as the ledger means it.
    pub meant: Known<ReleaseNumber>,
    /// What the route sends requests to, if there should be a route or is one.
    pub route: Option<RouteStatus>,
    /// Role by role.
    pub roles: BTreeMap<RoleName, RoleStatus>,
    /// What does not agree, or is not healthy.
    pub disagreements: Vec<Disagreement>,
}

/// One role on one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleStatus {
    /// The release and the number of containers that the record of the live release means.
    pub meant: Known<(ReleaseNumber, u16)>,
    /// How many containers of which release do what; those that are only kept for a rollback are left out.
    pub is: BTreeMap<ReleaseNumber, Vec<(Doing, usize)>>,
}

/// Where requests go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteStatus {
    /// The release that the ledger means, if it takes requests.
    pub meant: Known<ReleaseNumber>,
    /// The release that has them.
    pub is: Known<ReleaseNumber>,
    /// Targets that pass their checks, and all.
    pub healthy: (usize, usize),
    /// What comes back unless the switch is confirmed.
    pub on_probation_from: Option<ReleaseNumber>,
}

/// A difference, in words, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// What is wrong.
    pub what: String,
    /// A command to type or a key to change.
    pub hint: String,
}

impl Status {
    /// Everything is as it was meant to be, and healthy.
    pub fn agrees(&self) -> bool {
        self.fleet.is_empty() && self.hosts.values().all(|host| host.disagreements.is_empty())
    }
}

/// Compares what was meant with what is.
pub fn status(scope: &Scope, hosts: &BTreeMap<HostName, Seen<'_>>) -> Status {
    let hosts: BTreeMap<_, _> = hosts.iter().map(|(name, seen)| (name.clone(), host(name, seen))).collect();
    let mut lives: BTreeMap<ReleaseNumber, Vec<&str>> = BTreeMap::new();
    for (name, host) in &hosts {
        if let Known::Is(number) = host.meant {
            lives.entry(number).or_default().push(name.as_str());
        }
    }
    let mut fleet = Vec::new();
    if lives.len() > 1 {
        let parts: Vec<_> = lives.iter().map(|(number, names)| format!("{number} on {}", names.join(", "))).collect();
        let what = format!("the hosts differ: {}", parts.join("; "));
        fleet.push(Disagreement { what, hint: "ship deploy".to_owned() });
    }
    Status { scope: scope.clone(), hosts, fleet }
}

fn host(name: &HostName, seen: &Seen<'_>) -> HostStatus {
    match seen {
        Seen::Unreachable { why, hint } => {
            let hint = hint.clone().unwrap_or_else(|| format!("check `hosts.{name}.address` in ship.toml"));
            only(format!("cannot be reached: {why}"), hint)
        }
        Seen::NotSetUp(why) => only(format!("not set up: {why}"), format!("ship setup --host {name}")),
        Seen::Host(inventory) => Look { name, inventory, found: HostStatus::default() }.all(),
    }
}

fn only(what: String, hint: String) -> HostStatus {
    HostStatus { disagreements: vec![Disagreement { what, hint }], ..HostStatus::default() }
}

/// One host while it is being looked at.
struct Look<'a> {
    name: &'a HostName,
    inventory: &'a HostInventory,
    found: HostStatus,
}

impl<'a> Look<'a> {
    fn all(mut self) -> HostStatus {
        self.found.meant = self.inventory.history().map_or(Known::Unknown, |history| Known::of(history.live()));
        self.ledger();
        if self.inventory.proxy.is_none() {
            self.wrong("ship-proxy does not answer", format!("ship setup --host {}", self.name));
        }
        let release = self.found.meant.value().and_then(|number| self.record(number));
        if let Some(release) = release {
            self.roles(release);
            if !self.inventory.images.contains_key(&release.image.reference) {
                let what = format!("the image of {} is gone: its containers cannot be made again", release.number);
                self.wrong(what, "ship deploy".to_owned());
            }
        }
        self.route(release);
        self.others(release);
        self.found
    }

    fn wrong(&mut self, what: impl Into<String>, hint: String) {
        self.found.disagreements.push(Disagreement { what: what.into(), hint });
    }

    fn record(&mut self, number: ReleaseNumber) -> Option<&'a Release> {
        let record = self.inventory.records.get(&number);
        if record.is_none() {
            let what = format!("{number} is meant to be live, but the record of what it runs is missing");
            self.wrong(what, "ship deploy".to_owned());
        }
        record
    }

    /// What the ledger says of itself.
    fn ledger(&mut self) {
        let history = match &self.inventory.ledger {
            Ok(history) => history,
            Err(damage) => {
                let hint = "docs/ledger.md says how to repair it".to_owned();
                return self.wrong(format!("the ledger cannot be trusted: {damage}"), hint);
            }
        };
        for (number, past) in history.releases.iter().filter(|(_, past)| past.state.is_unfinished()) {
            match &self.inventory.held_by {
                Some(holder) => self.wrong(
                    format!("{number} is being put there by {holder} (now {})", past.state),
                    "wait, then ship status".to_owned(),
                ),
                None => self.wrong(
                    format!("the deploy of {number} stopped half-way (it is {})", past.state),
                    "ship deploy".to_owned(),
                ),
            }
        }
        let live: Vec<_> =
            history.in_state(State::Live).filter(|number| self.found.meant != Known::Is(*number)).collect();
        for number in live {
            let what = format!("{number} gave its traffic away, but the ledger does not say that it retired");
            self.wrong(what, "ship deploy".to_owned());
        }
        match (history.live(), history.highest()) {
            (None, None) => self.wrong("nothing was deployed yet", "ship deploy".to_owned()),
            (None, Some(number)) => {
                let state = history.state(number).map_or_else(String::new, |state| format!(" ({number} is {state})"));
                self.wrong(format!("no release is live{state}"), "ship deploy".to_owned());
            }
            (Some(_), _) => {}
        }
    }

    /// The containers that the live release is meant to have here.
    fn roles(&mut self, release: &Release) {
        for (name, role) in release.spec.roles.iter().filter(|(_, role)| role.hosts.contains(self.name)) {
            let mut found = RoleStatus { meant: Known::Is((release.number, role.replicas)), is: BTreeMap::new() };
            let mine = |container: &&Container| container.labels.role == *name;
            let containers: Vec<_> = self.inventory.of_release(release.number).filter(mine).collect();
            for container in &containers {
                count(&mut found, container);
            }
            self.found.roles.insert(name.clone(), found);
            let missing: Vec<_> =
                (1..=role.replicas).filter(|n| !containers.iter().any(|c| c.labels.replica == *n)).collect();
            self.missing(release.number, name, role.replicas, missing.len());
            for container in containers {
                self.container(container, name, container.labels.replica > role.replicas);
            }
        }
    }

    fn missing(&mut self, number: ReleaseNumber, role: &RoleName, meant: u16, missing: usize) {
        let what = match (meant, missing) {
            (_, 0) => return,
            (1, _) => format!("the container of {role} of {number} is not there"),
            (meant, missing) if missing == usize::from(meant) => {
                format!("none of the {meant} containers of {role} of {number} is there")
            }
            (meant, 1) => format!("1 of the {meant} containers of {role} of {number} is not there"),
            (meant, missing) => format!("{missing} of the {meant} containers of {role} of {number} are not there"),
        };
        self.wrong(what, "ship deploy".to_owned());
    }

    /// A container of the live release.
    fn container(&mut self, container: &Container, role: &RoleName, surplus: bool) {
        let Container { name, words, labels, .. } = container;
        let logs = format!("ship logs --release {} --role {role} --host {}", labels.release, self.name);
        let what = match container.status {
            Doing::Running if surplus => {
                return self.wrong(format!("{name} runs, but is one too many"), "ship deploy".to_owned());
            }
            Doing::Running => return,
            Doing::Restarting => format!("{name} ends and is started again and again ({words})"),
            Doing::Exited => format!("{name} does not run ({words})"),
            Doing::Created => format!("{name} was never started"),
            Doing::Paused => format!("{name} was paused by someone"),
        };
        self.wrong(what, logs);
    }

    /// Where requests go.
    fn route(&mut self, release: Option<&Release>) {
        let meant = match (self.found.meant, release) {
            (Known::Is(_), Some(release)) => Known::of(serves(release, self.name).then_some(release.number)),
            // Without a record nobody knows whether there should be a route.
            (Known::Unknown | Known::Is(_), _) => Known::Unknown,
            (Known::Nothing, _) => Known::Nothing,
        };
        let is_meant = matches!(meant, Known::Is(_));
        match self.inventory.proxy.as_ref().map(|proxy| proxy.route.as_ref()) {
            None if is_meant => self.found.route = Some(RouteStatus { meant, ..RouteStatus::default() }),
            Some(None) if is_meant => {
                self.found.route = Some(RouteStatus { meant, is: Known::Nothing, ..RouteStatus::default() });
                self.wrong("ship-proxy has no route for the app", "ship deploy".to_owned());
            }
            None | Some(None) => {}
            Some(Some(route)) => {
                let Route { release, healthy, on_probation_from, .. } = *route;
                self.found.route = Some(RouteStatus { meant, is: Known::Is(release), healthy, on_probation_from });
                self.route_target(route, meant);
                self.route_health(route);
            }
        }
    }

    fn route_target(&mut self, route: &Route, meant: Known<ReleaseNumber>) {
        let is = route.release;
        if let Some(before) = route.on_probation_from {
            let what = format!("{is} is on probation: {before} comes back unless the deploy confirms it");
            self.wrong(what, "wait, then ship status".to_owned());
            // The ledger follows with the confirmation.
            return;
        }
        let why = route.last_event.as_ref().map_or_else(String::new, |event| format!(" ({event})"));
        match meant {
            Known::Is(number) if number != is => {
                self.wrong(format!("requests go to {is}, not to {number}{why}"), "ship deploy".to_owned());
            }
            Known::Nothing => {
                let what = format!("requests go to {is}, but no release is meant to have them{why}");
                self.wrong(what, "ship deploy".to_owned());
            }
            Known::Is(_) | Known::Unknown => {}
        }
    }

    fn route_health(&mut self, route: &Route) {
        let (healthy, all) = route.healthy;
        if healthy < all || all == 0 {
            let what = match (healthy, all) {
                (_, 0) => "the route has no target".to_owned(),
                (0, _) => "no target passes its health check: nobody is served".to_owned(),
                _ => format!("only {healthy} of {all} targets pass their health check"),
            };
            self.wrong(what, format!("ship logs --release {} --host {}", route.release, self.name));
        }
    }

    /// Containers that run although the live release does not mean them.
    fn others(&mut self, release: Option<&Release>) {
        for container in &self.inventory.containers {
            let labels = &container.labels;
            let is_live = self.found.meant == Known::Is(labels.release);
            let role = release.and_then(|release| release.spec.roles.get(&labels.role));
            let has_role = role.is_some_and(|role| role.hosts.contains(self.name));
            let runs = matches!(container.status, Doing::Running | Doing::Restarting | Doing::Paused);
            if (is_live && has_role) || !runs {
                continue;
            }
            let is_known = self.found.meant == Known::Nothing || release.is_some();
            let role = self.found.roles.entry(labels.role.clone()).or_insert_with(|| RoleStatus {
                meant: if is_known { Known::Nothing } else { Known::Unknown },
                ..RoleStatus::default()
            });
            count(role, container);
            if let Some(what) = self.surplus(container, is_known) {
                self.wrong(what, "ship deploy".to_owned());
            }
        }
    }

    /// Why a container should not run; `None` where that was said or cannot be known.
    fn surplus(&self, container: &Container, is_known: bool) -> Option<String> {
        let Container { name, labels, .. } = container;
        let number = labels.release;
        match self.inventory.history()?.state(number) {
            None => Some(format!("{name} runs, but the ledger does not know {number}")),
            Some(state) if state.is_unfinished() => None,
            Some(State::Live) if !is_known || self.found.meant != Known::Is(number) => None,
            Some(State::Live) => Some(format!("{name} runs, but {number} has no role {} here", labels.role)),
            Some(state) => Some(format!("{name} still runs, but {number} is {state}")),
        }
    }
}

/// Whether requests for this release come in on this host.
fn serves(release: &Release, host: &HostName) -> bool {
    let role = release.spec.routes.as_ref().and_then(|routes| release.spec.roles.get(&routes.role));
    role.is_some_and(|role| role.hosts.contains(host))
}

fn count(role: &mut RoleStatus, container: &Container) {
    let counts = role.is.entry(container.labels.release).or_default();
    match counts.iter_mut().find(|(doing, _)| *doing == container.status) {
        Some((_, count)) => *count += 1,
        None => counts.push((container.status, 1)),
    }
}
