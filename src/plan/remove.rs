//! The plan that takes an app away from its hosts and leaves every other app alone.

use std::collections::BTreeMap;

use crate::inventory::{HostInventory, Inventory};
use crate::name::Scope;
use crate::release::history::History;

use super::action::Action;
use super::{Goal, Plan, Stage, Wave, container};

/// Whether the app's named volumes go as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volumes {
    /// They stay, with their data.
    Keep,
    /// They are removed; nothing brings the data back.
    Remove,
}

/// The plan. A damaged ledger is no obstacle: it goes as well.
pub fn plan(scope: &Scope, inventory: &Inventory, volumes: Volumes) -> Plan {
    let hosts: BTreeMap<_, _> =
        inventory.iter().map(|(name, host)| (name.clone(), stages(scope, host, volumes))).collect();
    Plan {
        scope: scope.clone(),
        goal: Goal::Remove,
        base: inventory
            .iter()
            .filter_map(|(name, host)| Some((name.clone(), host.history()?.position.clone())))
            .collect(),
        before: inventory.iter().map(|(name, host)| (name.clone(), host.history().and_then(History::live))).collect(),
        waves: Vec::new(),
        settle: Wave { hosts },
    }
}

fn stages(scope: &Scope, host: &HostInventory, volumes: Volumes) -> Vec<Stage> {
    let mut stages = Vec::new();
    if host.proxy.as_ref().is_some_and(|proxy| proxy.route.is_some()) {
        stages.push(vec![Action::RemoveRoute]);
    }
    if !host.containers.is_empty() {
        let containers = host.containers.iter().map(|container| container.name.clone()).collect();
        stages.push(vec![Action::RemoveContainers { containers }]);
    }
    let mut rest: Vec<Action> =
        host.images.keys().map(|reference| Action::RemoveImage { reference: reference.clone() }).collect();
    if host.network {
        rest.push(Action::RemoveNetwork { name: container::network(scope) });
    }
    if volumes == Volumes::Remove {
        rest.extend(volumes_of(scope, host).map(|name| Action::RemoveVolume { name }));
    }
    stages.push(rest);
    stages.push(vec![Action::ForgetApp]);
    stages.into_iter().filter(|actions| !actions.is_empty()).map(Stage).collect()
}

/// The named volumes that the app has on a host, as its records name them.
pub fn volumes_of<'a>(scope: &Scope, host: &'a HostInventory) -> impl Iterator<Item = String> + use<'a> {
    let mut names: Vec<String> = host
        .records
        .values()
        .filter(|record| record.scope == *scope)
        .flat_map(|record| container::volumes(record).map(|(name, _)| name).collect::<Vec<_>>())
        .filter(|name| host.volumes.contains(name))
        .collect();
    names.sort();
    names.dedup();
    names.into_iter()
}
