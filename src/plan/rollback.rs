//! The plan that puts a retired release back. It is made from what the host itself remembers, so that it needs neither
//! the working tree nor a registry, and it goes the same way through health check, switch and drain as a deploy.

use std::collections::BTreeMap;

use crate::inventory::{HostInventory, Inventory};
use crate::name::{HostName, ReleaseNumber, Scope};
use crate::release::ledger::Event;
use crate::release::state::State;
use crate::release::{Image, Release};

use super::action::{Action, ContainerSpec};
use super::deploy::{Boot, HostView, boot, create, probation_of, settled};
use super::{Goal, NoPlan, Plan, Stage, Wave, container};

/// The release that `ship rollback` means without a number: the one that was live most recently on the first host and
/// can be put back on every other.
pub fn previous(first: &HostName, inventory: &Inventory) -> Result<ReleaseNumber, NoPlan> {
    let nothing = || NoPlan::NothingBefore { host: first.clone() };
    let view = HostView::new(first, inventory.get(first).ok_or_else(nothing)?)?;
    let serving = view.recovered.live;
    let everywhere = |number: &ReleaseNumber| {
        inventory
            .values()
            .filter_map(HostInventory::history)
            .all(|history| history.state(*number) == Some(State::Retired))
    };
    view.history.candidates().into_iter().filter(|number| Some(*number) != serving).find(everywhere).ok_or_else(nothing)
}

/// The plan that makes a retired release live again on all hosts at the same time.
pub fn plan(scope: &Scope, number: ReleaseNumber, inventory: &Inventory) -> Result<Plan, NoPlan> {
    let mut wave = Wave::default();
    let mut settle = Wave::default();
    let mut base = BTreeMap::new();
    let mut before = BTreeMap::new();
    for (name, host) in inventory {
        let view = HostView::new(name, host)?;
        let release = record_of(number, &view)?;
        let mut stages = view.recovered.stages.clone();
        stages.extend(restore(release, &view)?);
        wave.hosts.insert(name.clone(), stages);
        settle.hosts.insert(name.clone(), settled(release, &view));
        base.insert(name.clone(), view.history.position.clone());
        before.insert(name.clone(), view.recovered.live);
    }
    Ok(Plan { scope: scope.clone(), goal: Goal::Rollback(number), base, before, waves: vec![wave], settle })
}

/// The record of the release on a host, if it can go live there.
fn record_of<'a>(number: ReleaseNumber, view: &HostView<'a>) -> Result<&'a Release, NoPlan> {
    let candidates = || view.history.candidates();
    match view.history.releases.get(&number) {
        None => {
            return Err(NoPlan::Unknown { host: view.name.clone(), number, candidates: candidates() });
        }
        Some(past) if past.state != State::Retired => {
            let reason = past.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            return Err(NoPlan::NotRetired {
                host: view.name.clone(),
                number,
                state: format!("{}{reason}", past.state),
                candidates: candidates(),
            });
        }
        Some(_) => {}
    }
    let gone = |what| NoPlan::Gone { host: view.name.clone(), number, what };
    view.inventory.records.get(&number).ok_or_else(|| gone("the record"))
}

/// Containers that still exist are started again; what was removed by hand is made anew from the record.
fn restore(release: &Release, view: &HostView<'_>) -> Result<Vec<Stage>, NoPlan> {
    let mut stages =
        vec![Stage(vec![Action::Record(vec![(release.number, Event::RollingBack { from: view.recovered.live })])])];
    let missing: Vec<ContainerSpec> = container::of_host(release, view.name)
        .into_iter()
        .filter(|spec| !view.inventory.containers.iter().any(|container| container.name == spec.name))
        .collect();
    if !missing.is_empty() {
        stages.extend(make(release, view, missing)?);
    }
    stages.extend(boot(release, view, &Boot { runs_command: false, proven: true, probation: probation_of(release) })?);
    Ok(stages)
}

fn make(release: &Release, view: &HostView<'_>, missing: Vec<ContainerSpec>) -> Result<Vec<Stage>, NoPlan> {
    let Image { reference, .. } = &release.image;
    if !view.inventory.images.contains_key(reference) {
        return Err(NoPlan::Gone { host: view.name.clone(), number: release.number, what: "the image" });
    }
    let mut ensure = Vec::new();
    if !view.inventory.network {
        ensure.push(Action::EnsureNetwork { name: container::network(&release.scope) });
    }
    ensure.extend(
        container::volumes(release)
            .filter(|(name, _)| !view.inventory.volumes.contains(name))
            .map(|(name, _)| Action::EnsureVolume { name }),
    );
    let mut stages = Vec::new();
    if !ensure.is_empty() {
        stages.push(Stage(ensure));
    }
    stages.push(Stage(vec![create(release, view, missing)]));
    Ok(stages)
}
