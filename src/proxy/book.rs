//! The book of services: what [`super::registry`] protects with its lock. Who may change what, and what a change will
//! have made of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::clock;
use super::deployment::Deployment;
use super::health::{self, Healthy};
use super::route::Table;
use super::service::{Service, start_watch};
use super::state::{Found, ServiceRecord};
use crate::control::{Code, LastEvent, Refusal, ServiceName, TargetReport};

/// All services.
#[derive(Default)]
pub(super) struct Book {
    pub(super) services: BTreeMap<ServiceName, Service>,
    /// The highest that any change has had.
    pub(super) generation: u64,
    /// ship-proxy is ending: nothing moves any more.
    pub(super) stopping: bool,
    /// What the state file had and could not be read.
    pub(super) unreadable: Vec<Value>,
}

impl Book {
    pub(super) fn restore(found: Found, notes: &mut Vec<String>) -> (Self, bool) {
        let mut book = Self { generation: found.generation, unreadable: found.unreadable, ..Self::default() };
        let mut changed = false;
        for mut record in found.services {
            changed |= take_back(&mut record, &mut book.generation, notes);
            let name = record.service.clone();
            let checked = Deployment::check(record.active.clone()).and_then(|(deployment, _)| {
                book.owned_by_other(&name, &deployment).map_or(Ok(deployment), |refusal| Err(vec![refusal.message]))
            });
            match checked {
                Ok(deployment) => {
                    let healthy = health::remembered(deployment);
                    start_watch(&healthy);
                    let mut service = Service::new(name.clone(), healthy, record.generation);
                    service.reverted = record.reverted;
                    service.last_event = record.last_event;
                    book.services.insert(name, service);
                }
                Err(problems) => {
                    notes.push(format!("the state of {name} cannot be served: {}", problems.join("; ")));
                    book.unreadable.extend(serde_json::to_value(record));
                }
            }
        }
        (book, changed)
    }

    pub(super) fn table(&self) -> Table {
        Table::new(self.services.values().map(Service::live))
    }

    pub(super) fn service(&mut self, name: &ServiceName) -> Result<&mut Service, Refusal> {
        let unknown = || Refusal::new(Code::UnknownService, format!("there is no service {name}"));
        self.services.get_mut(name).ok_or_else(unknown)
    }

    /// The service, if it has not been moved since.
    pub(super) fn at_generation(&mut self, name: &ServiceName, generation: u64) -> Result<&mut Service, Refusal> {
        let service = self.service(name)?;
        if service.generation == generation {
            return Ok(service);
        }
        if service.reverted == Some(generation) {
            let why = service.last_event.as_ref().map(|event| event.text.clone()).unwrap_or_default();
            let mut refusal = Refusal::new(Code::Reverted, why);
            refusal.generation = Some(service.generation);
            return Err(refusal);
        }
        Err(moved(name, generation, service))
    }

    /// Whether this switch may be made: the service is where the caller thinks, and its routes are its own.
    pub(super) fn admit(&self, name: &ServiceName, deployment: &Deployment) -> Result<(), Refusal> {
        if self.stopping {
            return Err(Refusal::new(Code::Stopping, "ship-proxy is stopping"));
        }
        if let Some(expected) = deployment.asked.expected_generation {
            match self.services.get(name) {
                Some(service) if service.generation != expected => return Err(moved(name, expected, service)),
                None if expected != 0 => {
                    let message = format!("{name} is gone: generation {expected} was expected");
                    return Err(Refusal { generation: Some(0), ..Refusal::new(Code::Generation, message) });
                }
                _ => {}
            }
        }
        self.owned_by_other(name, deployment).map_or(Ok(()), Err)
    }

    pub(super) fn owned_by_other(&self, name: &ServiceName, deployment: &Deployment) -> Option<Refusal> {
        for (owner, service) in self.services.iter().filter(|(other, _)| *other != name) {
            for other in service.deployments().filter(|other| other.prefix == deployment.prefix) {
                let both_any = other.domains.is_empty() && deployment.domains.is_empty();
                let shared = deployment.domains.iter().find(|domain| other.domains.contains(domain));
                let what = match shared {
                    Some(domain) => format!("{domain}{}", deployment.asked.routes.path_prefix),
                    None if both_any => format!("every host at {}", deployment.asked.routes.path_prefix),
                    None => continue,
                };
                let refusal = Refusal::new(Code::Owner, format!("{what} belongs to {owner}"));
                return Some(Refusal { owner: Some(owner.clone()), ..refusal });
            }
        }
        None
    }

    /// The service's record after this switch.
    pub(super) fn record_after(&self, name: &ServiceName, healthy: &Healthy, generation: u64) -> ServiceRecord {
        let asked = &healthy.deployment().asked;
        let on_probation = asked.probation_ms > 0;
        let now = self.services.get(name).map(Service::record);
        let confirmed = now.and_then(|now| if now.on_probation { now.previous } else { Some(now.active) });
        ServiceRecord {
            service: name.clone(),
            generation,
            active: asked.clone(),
            on_probation,
            previous: confirmed.filter(|_| on_probation),
            reverted: None,
            last_event: None,
        }
    }
}

/// After a restart on probation: nobody knows whether the deployer still lives, and the previous release was neither
/// drained nor stopped. It is put back. A first release stays, because there is nothing else to serve.
fn take_back(record: &mut ServiceRecord, generation: &mut u64, notes: &mut Vec<String>) -> bool {
    if !record.on_probation {
        return false;
    }
    record.on_probation = false;
    let Some(previous) = record.previous.take() else { return true };
    let text = format!(
        "{} was put back: ship-proxy was restarted while {} was on probation",
        previous.release, record.active.release
    );
    notes.push(format!("{}: {text}", record.service));
    *generation += 1;
    record.active = previous;
    record.reverted = Some(record.generation);
    record.generation = *generation;
    record.last_event = Some(LastEvent { at: clock::now_ms(), text });
    true
}

fn moved(name: &ServiceName, expected: u64, service: &Service) -> Refusal {
    let release = &service.active().deployment().release;
    let now = service.generation;
    let message = format!("{name} was moved by someone else: it is at generation {now} ({release}), not {expected}");
    Refusal { generation: Some(now), ..Refusal::new(Code::Generation, message) }
}

/// A refusal that names every problem.
pub(super) fn invalid(problems: Vec<String>) -> Refusal {
    let first = problems.first().cloned().unwrap_or_default();
    Refusal { problems, ..Refusal::new(Code::Invalid, first) }
}

/// A refusal that says how each target fared.
pub(super) fn unhealthy(deployment: &Deployment, targets: Vec<TargetReport>) -> Refusal {
    let failed = targets.iter().find_map(|report| report.failure.as_ref().map(|failure| (report, failure)));
    let message = failed.map_or_else(String::new, |(report, failure)| {
        format!(
            "{} did not become healthy: GET http://{}{} {failure} ({} tries in {} ms)",
            deployment.release, report.address, report.path, report.tries, report.over_ms
        )
    });
    Refusal { targets, ..Refusal::new(Code::Unhealthy, message) }
}
