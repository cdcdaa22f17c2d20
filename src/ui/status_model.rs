//! What the ledger meant beside what the inventory says is. Neither is derived from the other, and every difference is
//! put into words with the command that settles it. A pure function: `ship status` exits with 0 only if it finds none.

use std::collections::BTreeMap;

use crate::inventory::{Container, HostInventory, Route, Status as Doing};
use crate::name::{HostName, ReleaseNumber, RoleName, Scope};
use crate::release::Release;
use crate::release::history::History;
use crate::release::state::State;

/// How a host was seen.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen<'a> {
    /// It could not be reached, with the reason in one line.
    Unreachable(String),
    /// It answers, but `ship setup` has not been there, with what is missing.
    NotSetUp(String),
    /// It was looked at.
    Host(&'a HostInventory),
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
    pub meant: Option<ReleaseNumber>,
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
    pub meant: Option<(ReleaseNumber, u16)>,
    /// How many containers of which release do what; those that are only kept for a rollback are left out.
    pub is: BTreeMap<ReleaseNumber, Vec<(Doing, usize)>>,
}

/// Where requests go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteStatus {
    /// The release that the ledger means, if it takes requests.
    pub meant: Option<ReleaseNumber>,
    /// The release that has them.
    pub is: Option<ReleaseNumber>,
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
    let mut lives: BTreeMap<Option<ReleaseNumber>, Vec<&HostName>> = BTreeMap::new();
    for (name, host) in hosts.iter().filter(|(_, host)| host.meant.is_some()) {
        lives.entry(host.meant).or_default().push(name);
    }
    let mut fleet = Vec::new();
    if lives.len() > 1 {
        let part = |(number, names): (&Option<ReleaseNumber>, &Vec<&HostName>)| {
            let names = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            number.map(|number| format!("{number} on {names}"))
        };
        let what = format!("the hosts differ: {}", lives.iter().filter_map(part).collect::<Vec<_>>().join("; "));
        fleet.push(Disagreement { what, hint: "ship deploy".to_owned() });
    }
    Status { scope: scope.clone(), hosts, fleet }
}

fn host(name: &HostName, seen: &Seen<'_>) -> HostStatus {
    match seen {
        Seen::Unreachable(why) => only(format!("cannot be reached: {why}"), format!("ssh {name} true")),
        Seen::NotSetUp(why) => only(format!("is not set up: {why}"), format!("ship setup --host {name}")),
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
        let history = self.inventory.history();
        self.found.meant = history.and_then(History::live);
        self.ledger();
        if self.inventory.proxy.is_none() {
            self.wrong("ship-proxy does not answer", format!("ship setup --host {}", self.name));
        }
        let release = self.found.meant.and_then(|number| self.record(number));
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
        let live: Vec<_> = history.in_state(State::Live).filter(|number| Some(*number) != self.found.meant).collect();
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
            let mut found = RoleStatus { meant: Some((release.number, role.replicas)), is: BTreeMap::new() };
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
        let meant = release.filter(|release| serves(release, self.name)).map(|release| release.number);
        let Some(proxy) = &self.inventory.proxy else {
            if meant.is_some() {
                self.found.route = Some(RouteStatus { meant, ..RouteStatus::default() });
            }
            return;
        };
        let Some(route) = &proxy.route else {
            if let Some(number) = meant {
                self.found.route = Some(RouteStatus { meant, ..RouteStatus::default() });
                self.wrong(format!("ship-proxy has no route to {number}"), "ship deploy".to_owned());
            }
            return;
        };
        self.found.route = Some(RouteStatus {
            meant,
            is: Some(route.release),
            healthy: route.healthy,
            on_probation_from: route.on_probation_from,
        });
        self.route_target(route, meant, release.is_some());
        self.route_health(route);
    }

    fn route_target(&mut self, route: &Route, meant: Option<ReleaseNumber>, is_record_known: bool) {
        let why = route.last_event.as_ref().map_or_else(String::new, |event| format!(" ({event})"));
        let is = route.release;
        match meant {
            Some(number) if number == is => {}
            Some(number) => {
                self.wrong(format!("requests go to {is}, not to {number}{why}"), "ship deploy".to_owned());
            }
            None if is_record_known || self.found.meant.is_none() => {
                self.wrong(
                    format!("requests go to {is}, but no release is meant to have them{why}"),
                    "ship deploy".to_owned(),
                );
            }
            // Without a record nobody knows whether there should be a route; that the record is missing was said.
            None => {}
        }
        if let Some(before) = route.on_probation_from {
            let what = format!("{is} is on probation: {before} comes back unless the deploy confirms it");
            self.wrong(what, "wait, then ship status".to_owned());
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
        let inventory = self.inventory;
        for container in &inventory.containers {
            let labels = &container.labels;
            let is_meant = Some(labels.release) == self.found.meant;
            let role = release.and_then(|release| release.spec.roles.get(&labels.role));
            let has_role = role.is_some_and(|role| role.hosts.contains(self.name));
            let runs = matches!(container.status, Doing::Running | Doing::Restarting | Doing::Paused);
            if (is_meant && has_role) || !runs {
                continue;
            }
            count(self.found.roles.entry(labels.role.clone()).or_default(), container);
            let Some(history) = inventory.history() else { continue };
            let what = match history.state(labels.release) {
                // That the deploy is unfinished was said.
                Some(state) if state.is_unfinished() => continue,
                // Without a record nobody knows what the live release means.
                Some(State::Live) if release.is_none() || !is_meant => continue,
                Some(State::Live) => {
                    format!("{} runs, but {} has no role {} here", container.name, labels.release, labels.role)
                }
                Some(state) => format!("{} still runs, but {} is {state}", container.name, labels.release),
                None => format!("{} runs, but the ledger does not know {}", container.name, labels.release),
            };
            self.wrong(what, "ship deploy".to_owned());
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
