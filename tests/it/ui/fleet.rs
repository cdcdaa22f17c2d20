//! Made-up hosts, releases and event streams for the tests of the screen.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ship::event::{Event, Progress, StepId};
use ship::inventory::{Container, Engine, HostInventory, Labels, Proxy, Route, Status};
use ship::name::{Digest, HostName, ReleaseNumber, RoleName, Scope};
use ship::plan::Goal;
use ship::release::history::{History, Past};
use ship::release::state::State;
use ship::release::{Health, Image, Mount, MountSource, Release, Role, Routes, Source, Spec, Tls};
use ship::ui::model::View;

/// All tests look at the fleet at this moment.
pub(super) const NOW: &str = "2026-11-21T12:00:00Z";

pub(super) fn host(name: &str) -> HostName {
    name.parse().unwrap()
}

pub(super) fn role(name: &str) -> RoleName {
    name.parse().unwrap()
}

pub(super) fn r(number: u32) -> ReleaseNumber {
    format!("r{number}").parse().unwrap()
}

pub(super) fn scope() -> Scope {
    Scope { app: "blog".parse().unwrap(), environment: "production".parse().unwrap() }
}

pub(super) fn digest() -> Digest {
    format!("sha256:{}", "a1".repeat(32)).parse().unwrap()
}

pub(super) fn http() -> Health {
    Health::Http {
        path: "/up".to_owned(),
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(5),
        deadline: Duration::from_secs(30),
    }
}

pub(super) fn routes() -> Routes {
    Routes {
        role: role("web"),
        domains: vec!["blog.example.com".to_owned()],
        path_prefix: "/".to_owned(),
        strip_prefix: false,
        tls: Tls::Off,
        drain: Duration::from_secs(30),
        response_timeout: Duration::from_secs(30),
    }
}

pub(super) fn source() -> Source {
    Source {
        commit: Some("3f2a1bc9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3".to_owned()),
        subject: Some("Fix the cart".to_owned()),
        branch: Some("main".to_owned()),
        dirty: false,
        by: "ana@laptop".to_owned(),
    }
}

/// A release with two web replicas on web-1 and web-2, and a worker on web-1.
pub(super) fn release(number: u32) -> Release {
    let plain = Role {
        command: None,
        hosts: vec![host("web-1"), host("web-2")],
        replicas: 2,
        port: Some(3000),
        env: BTreeMap::new(),
        health: http(),
        memory: None,
        millicpus: None,
        stop_signal: None,
        stop_timeout: Duration::from_secs(10),
        user: None,
    };
    let worker = Role {
        command: Some(vec!["bin/jobs".to_owned()]),
        hosts: vec![host("web-1")],
        replicas: 1,
        health: Health::StaysUp { span: Duration::from_secs(5) },
        ..plain.clone()
    };
    Release {
        number: r(number),
        scope: scope(),
        image: Image {
            reference: format!("blog-production:r{number}"),
            digest: digest(),
            layers: vec![digest()],
            platform: "linux/amd64".to_owned(),
            exposed: vec![3000],
            user: String::new(),
        },
        source: source(),
        spec: Spec {
            roles: BTreeMap::from([(role("web"), plain), (role("worker"), worker)]),
            env: BTreeMap::from([("RAILS_ENV".to_owned(), "production".to_owned())]),
            volumes: vec![Mount {
                source: MountSource::Volume("storage".parse().unwrap()),
                target: "/rails/storage".to_owned(),
                read_only: false,
            }],
            release_command: None,
            console_command: None,
            routes: Some(routes()),
            keep: 5,
        },
        secret_names: vec!["DATABASE_URL".to_owned(), "RAILS_MASTER_KEY".to_owned()],
    }
}

pub(super) fn past(state: State, planned_at: &str) -> Past {
    Past {
        state,
        image: digest(),
        source: source(),
        by: "ana@laptop".to_owned(),
        planned_at: planned_at.to_owned(),
        live_at: None,
        ended_at: None,
        why: None,
    }
}

pub(super) fn container(number: u32, role_name: &str, replica: u16, status: Status, words: &str) -> Container {
    let name = format!("blog-production-{role_name}-r{number}-{replica}");
    let Scope { app, environment } = scope();
    Container {
        id: name.clone(),
        name,
        labels: Labels { app, environment, role: role(role_name), release: r(number), replica },
        status,
        words: words.to_owned(),
    }
}

/// web-1 as it should be: r43 live, r42 retired, both records there, all containers running, the route healthy.
pub(super) fn healthy_host() -> HostInventory {
    let mut history = History::default();
    history.releases.insert(r(42), past(State::Retired, "2026-11-19T12:00:00Z"));
    history.releases.insert(r(43), past(State::Live, "2026-11-21T09:00:00Z"));
    history.went_live = vec![r(42), r(43)];
    HostInventory {
        engine: Engine { version: "20.10.24".to_owned(), platform: "linux/amd64".to_owned() },
        containers: vec![
            container(43, "web", 1, Status::Running, "Up 3 hours"),
            container(43, "web", 2, Status::Running, "Up 3 hours"),
            container(43, "worker", 1, Status::Running, "Up 3 hours"),
            container(42, "web", 1, Status::Exited, "Exited (0) 3 hours ago"),
        ],
        images: BTreeMap::from([("blog-production:r43".to_owned(), "sha256:1".to_owned())]),
        volumes: BTreeSet::new(),
        network: true,
        proxy: Some(Proxy {
            version: "0.1.0".to_owned(),
            route: Some(Route {
                generation: 7,
                release: r(43),
                on_probation_from: None,
                healthy: (2, 2),
                last_event: None,
            }),
        }),
        ledger: Ok(history),
        records: BTreeMap::from([(r(42), release(42)), (r(43), release(43))]),
        held_by: None,
    }
}

/// The ledger of a made-up host, to be changed by a test.
pub(super) fn history(inventory: &mut HostInventory) -> &mut History {
    inventory.ledger.as_mut().unwrap()
}

/// The same inventory after a change.
pub(super) fn with(change: impl FnOnce(&mut HostInventory)) -> HostInventory {
    let mut inventory = healthy_host();
    change(&mut inventory);
    inventory
}

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) fn started(hosts: &[&str]) -> Event {
    Event::Started { goal: Goal::Deploy(r(43)), hosts: hosts.iter().map(|name| host(name)).collect() }
}

pub(super) fn step(on: &str, step: StepId, words: &str) -> Event {
    Event::StepStarted { host: host(on), step, words: words.to_owned() }
}

pub(super) fn bytes(on: &str, step: StepId, done: u64, total: u64) -> Event {
    Event::Progress { host: host(on), step, progress: Progress::Bytes { done, total } }
}

pub(super) fn tries(on: &str, step: StepId, count: u32) -> Event {
    Event::Progress { host: host(on), step, progress: Progress::Tries(count) }
}

pub(super) fn output(on: &str, step: StepId, line: &str) -> Event {
    Event::Output { host: host(on), step, line: line.to_owned() }
}

pub(super) fn done(on: &str, step: StepId, took: u64, note: &str) -> Event {
    Event::StepDone { host: host(on), step, took: ms(took), note: note.to_owned() }
}

pub(super) fn failed(on: &str, step: StepId, why: &str) -> Event {
    Event::StepFailed { host: host(on), step, why: why.to_owned() }
}

pub(super) fn undo(on: &str) -> Event {
    Event::UndoStarted { host: host(on) }
}

pub(super) fn undone(on: &str, left: &[&str]) -> Event {
    Event::UndoDone { host: host(on), left: left.iter().map(|&text| text.to_owned()).collect() }
}

pub(super) fn finished(took: u64) -> Event {
    Event::Finished { live: Some(r(43)), took: ms(took) }
}

/// Folds events, each with its moment in milliseconds.
pub(super) fn fold(events: &[(u64, Event)]) -> View {
    let mut view = View::default();
    for (at, event) in events {
        view.apply(event, ms(*at));
    }
    view
}

/// A writer whose text a test can read.
#[derive(Clone, Default)]
pub(super) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
