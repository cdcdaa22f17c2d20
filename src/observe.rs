//! Inventory of all hosts at once. Whatever does not depend on each other is asked at the same time, because round
//! trips are the cost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, try_join3};

use crate::inventory::{HostInventory, Inventory};
use crate::name::{HostName, Scope};
use crate::ports::{EngineView, Host, Lease, Memory, PortError, PortResult, World};
use crate::release::history::History;
use crate::release::ledger;

/// A host that was looked at under its lease.
pub struct Leased {
    /// The lease.
    pub lease: Arc<dyn Lease>,
    /// What the host is like; nobody else changes it now.
    pub inventory: HostInventory,
}

/// How leases are asked for.
pub struct Asking<'a> {
    /// Who asks and for what: shown to others who want the lease.
    pub holder: &'a str,
    /// The longest wait.
    pub wait: Duration,
    /// Told who holds a lease that is waited for.
    pub busy: &'a (dyn Fn(&HostName, &str) + Send + Sync),
}

/// Takes the lease of every host and looks at all of them. All or nothing: a lease that was taken ends if another host
/// fails.
pub async fn leased(
    world: &World,
    scope: &Scope,
    asking: &Asking<'_>,
) -> Result<BTreeMap<HostName, Leased>, PortError> {
    let works = world.hosts.iter().map(|(name, host)| async move {
        Ok::<_, PortError>((name.clone(), leased_host(name, host, scope, asking).await?))
    });
    join_all(works).await.into_iter().collect()
}

async fn leased_host(name: &HostName, host: &Host, scope: &Scope, asking: &Asking<'_>) -> PortResult<Leased> {
    let waited = std::sync::atomic::AtomicBool::new(false);
    let busy = |holder: &str| {
        waited.store(true, std::sync::atomic::Ordering::Relaxed);
        (asking.busy)(name, holder);
    };
    let ((lease, memory), engine, proxy) = try_join3(
        host.archive.lease(scope, asking.holder, asking.wait, &busy),
        host.engine.view(scope),
        host.router.view(scope),
    )
    .await?;
    let lines = ledger::read(&memory.ledger);
    if let Ok(lines) = &lines
        && lines.torn
    {
        lease.cut_ledger(lines.length).await?;
    }
    // What was seen while someone else still held the lease may have changed since.
    let (engine, proxy) = if waited.into_inner() {
        futures_util::future::try_join(host.engine.view(scope), host.router.view(scope)).await?
    } else {
        (engine, proxy)
    };
    Ok(Leased { lease, inventory: inventory(memory, engine, proxy) })
}

/// Looks at all hosts without a lease: for `plan`, `status`, `releases`. A host that fails does not hide the others.
pub async fn look(world: &World, scope: &Scope) -> BTreeMap<HostName, PortResult<HostInventory>> {
    let works = world.hosts.iter().map(|(name, host)| async move {
        let looked = try_join3(host.archive.read(scope), host.engine.view(scope), host.router.view(scope)).await;
        (name.clone(), looked.map(|(memory, engine, proxy)| inventory(memory, engine, proxy)))
    });
    join_all(works).await.into_iter().collect()
}

/// The inventory of leased hosts.
pub fn inventory_of(leased: &BTreeMap<HostName, Leased>) -> Inventory {
    leased.iter().map(|(name, leased)| (name.clone(), leased.inventory.clone())).collect()
}

fn inventory(memory: Memory, view: EngineView, proxy: Option<crate::inventory::Proxy>) -> HostInventory {
    HostInventory {
        engine: view.engine,
        containers: view.containers,
        images: view.images,
        volumes: view.volumes,
        network: view.network,
        proxy,
        ledger: ledger::read(&memory.ledger).and_then(|lines| History::fold(&lines)),
        records: memory.records.into_iter().map(|record| (record.number, record)).collect(),
        held_by: memory.held_by,
    }
}
