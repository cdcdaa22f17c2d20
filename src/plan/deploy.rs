//! The plan that makes a new release live: staged on all hosts at once, booted on the first host, then on the others,
//! and settled on all of them only when every one is healthy.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::inventory::{HostInventory, Inventory};
use crate::name::{HostName, ReleaseNumber};
use crate::release::history::History;
use crate::release::ledger::Event;
use crate::release::state::State;
use crate::release::{Health, Release};

use super::action::{Action, ContainerSpec, Switch};
use super::recover::{self, Recovered};
use super::{Goal, NoPlan, Plan, Stage, Wave, container};

/// How long ship-proxy waits for the confirmation of a switch when no other host is left to do.
const PROBATION: Duration = Duration::from_secs(30);

/// The number of the next release: one above the highest that any host of the app remembers. A ledger that was cut by
/// hand forgets; records, containers and the route are asked too, because a number that returns would replace what
/// serves.
pub fn next_number(inventory: &Inventory) -> ReleaseNumber {
    inventory.values().filter_map(highest).max().map_or(ReleaseNumber::FIRST, ReleaseNumber::next)
}

fn highest(host: &HostInventory) -> Option<ReleaseNumber> {
    let remembered = host.history().and_then(History::highest);
    let recorded = host.records.keys().copied();
    let made = host.containers.iter().map(|container| container.labels.release);
    let routed = host.proxy.as_ref().and_then(|proxy| proxy.route.as_ref()).map(|route| route.release);
    remembered.into_iter().chain(recorded).chain(made).chain(routed).max()
}

/// The plan for a new release. Every host of the inventory takes part, also one that runs no role of it (any more):
/// it remembers the release, and what it still runs of the app stops.
pub fn plan(release: &Release, inventory: &Inventory) -> Result<Plan, NoPlan> {
    let mut staging = Wave::default();
    let mut boots = BTreeMap::new();
    let mut settle = Wave::default();
    let mut base = BTreeMap::new();
    let mut before = BTreeMap::new();
    let first = first_host(release, inventory);
    for (name, host) in inventory {
        let view = HostView::new(name, host)?;
        check_platform(release, &view)?;
        staging.hosts.insert(name.clone(), stage(release, &view));
        let runs_command = Some(name) == first.as_ref();
        let probation = if inventory.len() > 1 { probation_of(release) } else { PROBATION };
        boots.insert(name.clone(), boot(release, &view, &Boot { runs_command, proven: false, probation })?);
        settle.hosts.insert(name.clone(), settled(release, &view));
        base.insert(name.clone(), view.history.position.clone());
        before.insert(name.clone(), view.recovered.live);
    }
    let mut waves = vec![staging];
    if let Some(first) = first
        && let Some(stages) = boots.remove(&first)
    {
        waves.push(Wave { hosts: BTreeMap::from([(first, stages)]) });
    }
    waves.push(Wave { hosts: boots });
    Ok(Plan {
        scope: release.scope.clone(),
        goal: Goal::Deploy(release.number),
        base,
        before,
        waves: waves.into_iter().map(without_idle_hosts).filter(|wave| !wave.hosts.is_empty()).collect(),
        settle: without_idle_hosts(settle),
    })
}

/// A host with what every part of the plan asks of it.
pub(super) struct HostView<'a> {
    pub(super) name: &'a HostName,
    pub(super) inventory: &'a HostInventory,
    pub(super) history: &'a History,
    pub(super) recovered: Recovered,
}

impl<'a> HostView<'a> {
    pub(super) fn new(name: &'a HostName, inventory: &'a HostInventory) -> Result<Self, NoPlan> {
        let history = inventory
            .ledger
            .as_ref()
            .map_err(|damage| NoPlan::Damaged { host: name.clone(), problem: damage.to_string() })?;
        Ok(Self { name, inventory, history, recovered: recover::host(inventory, history) })
    }
}

fn check_platform(release: &Release, view: &HostView<'_>) -> Result<(), NoPlan> {
    let (image, platform) = (&release.image.platform, &view.inventory.engine.platform);
    if image == platform {
        return Ok(());
    }
    Err(NoPlan::Platform { host: view.name.clone(), image: image.clone(), platform: platform.clone() })
}

/// The host that goes first: the first one that runs the primary role.
fn first_host(release: &Release, inventory: &Inventory) -> Option<HostName> {
    let role = release.spec.roles.get(release.spec.primary()?)?;
    role.hosts.iter().find(|host| inventory.contains_key(*host)).cloned()
}

/// Long enough for all other hosts to become healthy, because only then the switch is confirmed.
pub(super) fn probation_of(release: &Release) -> Duration {
    let longest = release
        .spec
        .roles
        .values()
        .map(|role| match &role.health {
            Health::Http { deadline, .. } | Health::Command { deadline, .. } => *deadline,
            Health::StaysUp { span } => *span,
        })
        .max()
        .unwrap_or_default();
    longest * 2 + PROBATION * 2
}

/// What happens before any container starts: intent, image, network, volumes; and room is made. What does not depend on
/// each other goes together, because each stage is at least one round trip: an image that arrives beside its intent
/// changes nothing that anybody uses.
fn stage(release: &Release, view: &HostView<'_>) -> Vec<Stage> {
    let inventory = view.inventory;
    let pruned = to_prune(view, release.spec.keep.max(1) as usize - 1);
    let have = inventory
        .records
        .values()
        .filter(|record| !pruned.contains(&record.number))
        .filter(|record| inventory.images.contains_key(&record.image.reference))
        .map(|record| record.image.layers.clone())
        .collect();
    let mut fetch =
        vec![Action::Announce(Box::new(release.clone())), Action::Push { image: release.image.clone(), have }];
    if !inventory.network {
        fetch.push(Action::EnsureNetwork { name: container::network(&release.scope) });
    }
    fetch.extend(
        container::volumes(release)
            .filter(|(name, _)| !inventory.volumes.contains(name))
            .map(|(name, _)| Action::EnsureVolume { name }),
    );
    // Recorded before it is done: a rollback must not go to a release that is half gone. What a crash leaves of it is
    // pruned by the next deploy.
    let events: Vec<_> = pruned
        .iter()
        .filter(|number| view.history.state(**number) != Some(State::Pruned))
        .map(|number| (*number, Event::Pruned))
        .collect();
    if !events.is_empty() {
        fetch.push(Action::Record(events));
    }
    fetch.extend(remove_containers(inventory, &pruned));
    let mut make = vec![Action::Record(vec![(release.number, Event::Staged)])];
    make.extend(remove_images(view, &pruned));
    make.extend(
        pruned
            .iter()
            .filter(|number| inventory.records.contains_key(number))
            .map(|number| Action::Forget { release: *number }),
    );
    let containers = container::of_host(release, view.name);
    if !containers.is_empty() {
        make.push(create(release, view, containers));
    }
    let mut stages = view.recovered.stages.clone();
    stages.extend([Stage(fetch), Stage(make)]);
    stages
}

/// Making containers, with the volumes that are new on this host.
pub(super) fn create(release: &Release, view: &HostView<'_>, containers: Vec<ContainerSpec>) -> Action {
    let new_volumes = container::volumes(release)
        .filter(|(name, _)| !view.inventory.volumes.contains(name))
        .map(|(_, target)| target.to_owned())
        .collect();
    Action::Create { containers, new_volumes }
}

/// What differs between the hosts of a boot.
pub(super) struct Boot {
    pub(super) runs_command: bool,
    /// The release was live before: its traffic need not wait for roles without requests, because the switch can still
    /// be taken back if one of them fails.
    pub(super) proven: bool,
    pub(super) probation: Duration,
}

/// From made containers to traffic on probation.
pub(super) fn boot(release: &Release, view: &HostView<'_>, boot: &Boot) -> Result<Vec<Stage>, NoPlan> {
    let mut stages = Vec::new();
    if boot.runs_command
        && let Some(command) = &release.spec.release_command
        && let Some(spec) = container::once(release, command)
    {
        stages.push(Stage(vec![Action::RunOnce(spec)]));
    }
    let names: Vec<String> = container::of_host(release, view.name).into_iter().map(|spec| spec.name).collect();
    if !names.is_empty() {
        stages.push(Stage(vec![Action::Start { containers: names }]));
    }
    let waits: Vec<Action> = container::roles_of(release, view.name)
        .filter_map(|(name, role)| {
            let health = container::watched_health(role)?.clone();
            Some(Action::AwaitUp { containers: container::names(release, name), health })
        })
        .collect();
    let switch = switch(release, view, boot.probation)?.map(Action::Switch);
    let last = if boot.proven {
        vec![Stage(waits.into_iter().chain(switch).collect())]
    } else {
        vec![Stage(waits), Stage(switch.into_iter().collect())]
    };
    stages.extend(last.into_iter().filter(|stage| !stage.0.is_empty()));
    Ok(stages)
}

fn switch(release: &Release, view: &HostView<'_>, probation: Duration) -> Result<Option<Switch>, NoPlan> {
    let Some(routes) = &release.spec.routes else { return Ok(None) };
    let Some((_, role)) = container::roles_of(release, view.name).find(|(name, _)| **name == routes.role) else {
        return Ok(None);
    };
    if view.inventory.proxy.is_none() {
        return Err(NoPlan::NoProxy { host: view.name.clone() });
    }
    let port = role
        .port
        .or_else(|| release.image.exposed.first().copied())
        .ok_or_else(|| NoPlan::NoPort { role: routes.role.clone() })?;
    Ok(Some(Switch {
        release: release.number,
        containers: container::names(release, &routes.role),
        port,
        health: role.health.clone(),
        routes: routes.clone(),
        generation: view.recovered.generation,
        probation,
    }))
}

/// What happens when the release is healthy everywhere: confirmed, recorded, and the old one stops.
pub(super) fn settled(release: &Release, view: &HostView<'_>) -> Vec<Stage> {
    let names: Vec<String> = container::of_host(release, view.name).into_iter().map(|spec| spec.name).collect();
    let mut confirm = Vec::new();
    let routed = release
        .spec
        .routes
        .as_ref()
        .filter(|routes| container::roles_of(release, view.name).any(|(name, _)| *name == routes.role));
    match routed {
        Some(routes) => confirm.push(Action::Confirm { drain: routes.drain }),
        // The role moved away from this host, or the app no longer takes requests.
        None if view.inventory.proxy.as_ref().is_some_and(|proxy| proxy.route.is_some()) => {
            confirm.push(Action::RemoveRoute);
        }
        None => {}
    }
    if !names.is_empty() {
        confirm.push(Action::KeepRunning { containers: names });
    }
    let mut events = vec![(release.number, Event::Healthy), (release.number, Event::Live)];
    if let Some(old) = view.recovered.live.filter(|old| *old != release.number) {
        events.push((old, Event::Superseded { by: release.number }));
    }
    let mut last = vec![Action::Record(events)];
    let old: Vec<String> = view
        .recovered
        .live
        .into_iter()
        .filter(|old| *old != release.number)
        .flat_map(|old| view.inventory.of_release(old).map(|container| container.name.clone()))
        .collect();
    if !old.is_empty() {
        last.push(Action::Stop { containers: old });
    }
    [confirm, last].into_iter().filter(|actions| !actions.is_empty()).map(Stage).collect()
}

/// Releases that go: all failed ones but what serves, retired ones beyond the number to keep, and what is left of those
/// that were pruned before.
fn to_prune(view: &HostView<'_>, keep: usize) -> BTreeSet<ReleaseNumber> {
    let serving = view.recovered.live;
    let not_serving = |number: &ReleaseNumber| Some(*number) != serving;
    let old = view.history.candidates().into_iter().filter(not_serving).skip(keep);
    let failed = view.history.in_state(State::Failed).filter(not_serving);
    let left = view.history.in_state(State::Pruned).filter(not_serving).filter(|number| {
        view.inventory.of_release(*number).next().is_some() || view.inventory.records.contains_key(number)
    });
    failed.chain(old).chain(left).collect()
}

fn remove_containers(inventory: &HostInventory, pruned: &BTreeSet<ReleaseNumber>) -> Option<Action> {
    let containers: Vec<String> = pruned
        .iter()
        .flat_map(|number| inventory.of_release(*number).map(|container| container.name.clone()))
        .collect();
    (!containers.is_empty()).then_some(Action::RemoveContainers { containers })
}

fn remove_images(view: &HostView<'_>, pruned: &BTreeSet<ReleaseNumber>) -> Vec<Action> {
    pruned
        .iter()
        .filter_map(|number| view.inventory.records.get(number))
        .filter(|record| view.inventory.images.contains_key(&record.image.reference))
        .map(|record| Action::RemoveImage { reference: record.image.reference.clone() })
        .collect()
}

fn without_idle_hosts(mut wave: Wave) -> Wave {
    wave.hosts.retain(|_, stages| !stages.is_empty());
    wave
}
