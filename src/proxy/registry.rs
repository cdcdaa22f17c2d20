//! All services, and the only place where they change. A change is made under one lock: checked, written to disk, then
//! published by replacing the routing table. Requests never take the lock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use futures_util::future::join_all;
use tokio::sync::{Mutex, MutexGuard};

use super::book::{Book, invalid, unhealthy};
use super::clock;
use super::deployment::Deployment;
use super::health::{self, Healthy};
use super::notice;
use super::route::Table;
use super::service::{Service, drained, start_watch};
use super::state::{ServiceRecord, StateFile};
use crate::control::{
    API, CheckPassed, Code, Confirm, Drained, ListenerStatus, Refusal, Revert, Reverted, ServiceName, Status, Switch,
    Switched,
};

/// All services.
pub(super) struct Registry {
    book: Mutex<Book>,
    pub(super) table: Arc<ArcSwap<Table>>,
    state: StateFile,
    started: u64,
    listeners: Vec<ListenerStatus>,
}

impl Registry {
    /// Restores what the state file remembers; it can be served at once.
    pub(super) async fn restore(state: StateFile, listeners: Vec<ListenerStatus>) -> Arc<Self> {
        let found = state.load();
        let mut notes = found.notes.clone();
        let (book, changed) = Book::restore(found, &mut notes);
        for note in notes {
            notice(&note);
        }
        let table = Arc::new(ArcSwap::from_pointee(book.table()));
        let started = clock::now_ms();
        let registry = Arc::new(Self { book: Mutex::new(book), table, state, started, listeners });
        if changed && let Err(error) = registry.save(&*registry.book.lock().await, None).await {
            // Traffic comes first; the next change writes again.
            notice(&error.to_string());
        }
        registry
    }

    /// What is, for `GET /v1/status`.
    pub(super) async fn status(&self) -> Status {
        let book = self.book.lock().await;
        Status {
            api: API,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            generation: book.generation,
            listeners: self.listeners.clone(),
            services: book.services.values().map(Service::status).collect(),
        }
    }

    /// Checks the targets and moves the traffic to them.
    pub(super) async fn switch(self: &Arc<Self>, name: ServiceName, asked: Switch) -> Result<Switched, Refusal> {
        let (deployment, warnings) = Deployment::check(asked).map_err(invalid)?;
        let deployment = Arc::new(deployment);
        let deadline = Instant::now() + deployment.health.deadline;
        self.book.lock().await.admit(&name, &deployment)?;
        loop {
            // Here the caller may still go away, and nothing has happened.
            let proof = health::prove(&deployment, deadline).await;
            let (healthy, checks) = proof.map_err(|targets| unhealthy(&deployment, targets))?;
            let (registry, name) = (Arc::clone(self), name.clone());
            let commit = tokio::spawn(async move { registry.commit(name, healthy, checks).await });
            let committed = commit.await.map_err(|_| Refusal::new(Code::Stopping, "ship-proxy is stopping"))??;
            if let Some(switched) = committed {
                return Ok(Switched { warnings, ..switched });
            }
        }
    }

    /// The switch itself: `None` if a target that had passed does not pass at this moment.
    async fn commit(
        self: Arc<Self>,
        name: ServiceName,
        healthy: Healthy,
        checks: Vec<CheckPassed>,
    ) -> Result<Option<Switched>, Refusal> {
        let mut book = self.book.lock().await;
        book.admit(&name, healthy.deployment())?;
        if !healthy.look_again().await {
            return Ok(None);
        }
        let generation = book.generation + 1;
        let record = book.record_after(&name, &healthy, generation);
        self.save(&book, Some((generation, &name, Some(record)))).await?;
        book.generation = generation;
        start_watch(&healthy);
        let mut previous = None;
        if let Some(service) = book.services.get_mut(&name) {
            previous = Some(service.confirmed().deployment().asked.release);
            service.switch(healthy, generation);
        } else {
            book.services.insert(name.clone(), Service::first(name.clone(), healthy, generation));
        }
        self.publish(&book);
        self.guard_probation(&book, &name);
        Ok(Some(Switched { generation, previous, checks, warnings: Vec::new() }))
    }

    /// Waits for the end of a probation, and ends it if nobody else does.
    fn guard_probation(self: &Arc<Self>, book: &Book, name: &ServiceName) {
        let Some(service) = book.services.get(name) else { return };
        let Some((mut ended, until, mut failing)) = service.probation_signals() else { return };
        let (registry, name, generation) = (Arc::clone(self), name.clone(), service.generation);
        let time = Duration::from_millis(service.active().deployment().asked.probation_ms);
        tokio::spawn(async move {
            let reason = tokio::select! {
                _ = ended.changed() => return,
                () = tokio::time::sleep_until(until.into()) => format!("was not confirmed within {time:?}"),
                failed = failing.wait_for(Option::is_some) => match failed {
                    Ok(reason) => format!("failed: {}", reason.as_deref().unwrap_or_default()),
                    Err(_) => return,
                },
            };
            registry.end_probation(&name, generation, &reason).await;
        });
    }

    /// The time is over, or the release fails. What is on disk must not stop the traffic from going back.
    async fn end_probation(&self, name: &ServiceName, generation: u64, reason: &str) {
        let mut book = self.book.lock().await;
        let next = book.generation + 1;
        let Some(service) = book.services.get_mut(name).filter(|s| s.generation == generation) else { return };
        let release = service.active().deployment().release.clone();
        match service.previous().map(|previous| previous.deployment().release.clone()) {
            Some(previous) => {
                service.put_back(next, format!("{previous} was put back: {release} {reason}"));
                book.generation = next;
            }
            None => service.confirm(format!("{release} stays, though it {reason}: there is nothing to put back")),
        }
        self.publish(&book);
        if let Err(error) = self.save(&book, None).await {
            notice(&error.to_string());
        }
    }

    /// Ends the probation; answers when the previous release is drained.
    pub(super) async fn confirm(&self, name: &ServiceName, asked: Confirm) -> Result<Drained, Refusal> {
        let mut book = self.book.lock().await;
        let service = book.at_generation(name, asked.generation)?;
        let draining = if service.is_on_probation() {
            let record = ServiceRecord { on_probation: false, previous: None, ..service.record() };
            self.save(&book, Some((book.generation, name, Some(record)))).await?;
            let service = book.at_generation(name, asked.generation)?;
            let event = format!("{} was confirmed", service.active().deployment().release);
            service.confirm(event);
            service.draining()
        } else {
            service.draining()
        };
        drop(book);
        Ok(drained(draining).await)
    }

    /// Puts the previous release back; answers when the other is drained.
    pub(super) async fn revert(&self, name: &ServiceName, asked: Revert) -> Result<Reverted, Refusal> {
        let mut book = self.book.lock().await;
        let service = book.service(name)?;
        if service.reverted != Some(asked.generation) {
            let service = book.at_generation(name, asked.generation)?;
            if !service.is_on_probation() {
                let release = &service.active().deployment().release;
                return Err(Refusal::new(Code::Final, format!("the switch of {name} to {release} is final")));
            }
            if service.previous().is_none() {
                let drained = self.take_out(book, name).await?;
                return Ok(Reverted { generation: 0, release: None, drained });
            }
            self.put_back(&mut book, name).await?;
        }
        let service = book.service(name)?;
        let (generation, release) = (service.generation, service.active().deployment().asked.release);
        let draining = service.draining();
        drop(book);
        Ok(Reverted { generation, release: Some(release), drained: drained(draining).await })
    }

    async fn put_back(&self, book: &mut Book, name: &ServiceName) -> Result<(), Refusal> {
        let generation = book.generation + 1;
        let service = book.service(name)?;
        let mut record = service.record();
        record.reverted = Some(service.generation);
        record.generation = generation;
        record.on_probation = false;
        record.active = record.previous.take().unwrap_or(record.active);
        let event =
            format!("{} was put back as asked: {}", record.active.release, service.active().deployment().release);
        self.save(book, Some((generation, name, Some(record)))).await?;
        book.service(name)?.put_back(generation, event + " went");
        book.generation = generation;
        self.publish(book);
        Ok(())
    }

    /// Takes a service out; answers when it is drained.
    pub(super) async fn remove(&self, name: &ServiceName) -> Result<Drained, Refusal> {
        let mut book = self.book.lock().await;
        book.service(name)?;
        self.take_out(book, name).await
    }

    async fn take_out(&self, mut book: MutexGuard<'_, Book>, name: &ServiceName) -> Result<Drained, Refusal> {
        let generation = book.generation + 1;
        self.save(&book, Some((generation, name, None))).await?;
        book.generation = generation;
        let removed = book.services.remove(name);
        self.publish(&book);
        notice(&format!("{name}: was removed"));
        drop(book);
        let draining = removed.map(|service| {
            let limit = service.active().deployment().drain;
            service.end(limit)
        });
        Ok(drained(draining).await)
    }

    /// ship-proxy ends: drains everything. No connection takes new requests any more when this is called.
    pub(super) async fn stop(&self, limit: Duration) -> Drained {
        let mut book = self.book.lock().await;
        book.stopping = true;
        let services = std::mem::take(&mut book.services);
        drop(book);
        self.table.store(Arc::new(Table::default()));
        let drains = services.into_values().map(|service| drained(Some(service.end(limit))));
        join_all(drains).await.into_iter().fold(Drained::default(), |sum, one| Drained {
            finished: sum.finished + one.finished,
            cut: sum.cut + one.cut,
            took_ms: sum.took_ms.max(one.took_ms),
        })
    }

    fn publish(&self, book: &Book) {
        self.table.store(Arc::new(book.table()));
    }

    /// Writes the book as it will be after a change: generation, service, and its record or `None` if it goes.
    async fn save(
        &self,
        book: &Book,
        change: Option<(u64, &ServiceName, Option<ServiceRecord>)>,
    ) -> Result<(), Refusal> {
        let mut records = book.services.iter().map(|(name, s)| (name, s.record())).collect::<BTreeMap<_, _>>();
        let mut generation = book.generation;
        if let Some((after, name, record)) = change {
            generation = after;
            match record {
                Some(record) => records.insert(name, record),
                None => records.remove(name),
            };
        }
        let saved = self.state.save(generation, records.into_values(), &book.unreadable).await;
        saved.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            Refusal::new(Code::Storage, format!("{error}: {cause}"))
        })
    }
}
