//! A simulated fleet: hosts with an engine, ship-proxy and an archive that behave as the real ones do in what plan and
//! apply rely on. Every call that changes something is counted, and the n-th one can be made to fail or to be the
//! moment at which ship dies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use ship::inventory::{Container, Engine as EngineFacts, Labels, Proxy, Route, Status};
use ship::name::{Digest, HostName, ReleaseNumber, Scope};
use ship::plan::action::{ContainerSpec, Switch};
use ship::ports::{
    Archive, Clock, ContainerView, Drained, Ended, Engine, EngineView, Host, Lease, Listening, Memory, NotHealthy,
    OnLine, OnProgress, PortError, PortErrorKind, PortResult, Router, Sent, Switched, Target, World,
};
use ship::release::{Image, Release, Secrets};
use tokio::sync::Notify;

/// What happens at the n-th change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call answers an error and has no effect.
    Fails,
    /// The call has its effect, but its answer is an error.
    FailsAfterwards,
    /// ship dies before the call has its effect.
    Dies,
    /// ship dies after the call had its effect.
    DiesAfterwards,
    /// The user interrupts; the call goes on.
    Interrupts,
}

/// The fleet and its faults.
#[derive(Clone)]
pub struct Fleet {
    state: Arc<Mutex<State>>,
    pub died: Arc<Notify>,
    pub interrupted: Arc<tokio::sync::watch::Sender<bool>>,
}

#[derive(Default)]
struct State {
    hosts: BTreeMap<HostName, Machine>,
    changes: usize,
    fault: Option<(usize, Fault)>,
    dead: bool,
    /// Violations of what users rely on, found while the run went on.
    outages: Vec<String>,
    now: Duration,
}

/// One simulated host.
#[derive(Default, Clone, Debug)]
pub struct Machine {
    pub containers: BTreeMap<String, Made>,
    pub images: BTreeMap<String, Digest>,
    pub volumes: BTreeSet<String>,
    pub networks: BTreeSet<String>,
    pub route: Option<Routed>,
    pub ledger: Vec<u8>,
    pub records: BTreeMap<ReleaseNumber, Release>,
    pub secrets: BTreeMap<ReleaseNumber, Vec<(String, String)>>,
    pub leased: bool,
    pub audit: String,
}

#[derive(Clone, Debug)]
pub struct Made {
    pub spec: ContainerSpec,
    pub running: bool,
    pub keeps_running: bool,
    pub was_started: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Routed {
    pub release: ReleaseNumber,
    pub targets: Vec<String>,
    pub before: Option<Box<Routed>>,
    pub on_probation: bool,
    pub generation: u64,
}

impl Fleet {
    pub fn new(hosts: &[&str]) -> Self {
        let hosts = hosts.iter().map(|name| (name.parse().unwrap(), Machine::default())).collect();
        Self {
            state: Arc::new(Mutex::new(State { hosts, ..State::default() })),
            died: Arc::default(),
            interrupted: Arc::new(tokio::sync::watch::channel(false).0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn world(&self) -> World {
        let hosts = self.state().hosts.keys().cloned().collect::<Vec<_>>();
        let hosts = hosts
            .into_iter()
            .map(|name| {
                let edge = Arc::new(Edge { fleet: self.clone(), name: name.clone() });
                (name, Host { engine: edge.clone(), router: edge.clone(), archive: edge })
            })
            .collect();
        World { hosts, clock: Arc::new(self.clone()) }
    }

    pub fn machine(&self, name: &str) -> Machine {
        self.state().hosts[&name.parse::<HostName>().unwrap()].clone()
    }

    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Machine)) {
        change(self.state().hosts.get_mut(&name.parse::<HostName>().unwrap()).unwrap());
    }

    /// The n-th change from now on (from 1) goes wrong.
    pub fn plant(&self, change: usize, fault: Fault) {
        let mut state = self.state();
        state.fault = Some((state.changes + change, fault));
    }

    pub fn changes(&self) -> usize {
        self.state().changes
    }

    pub fn outages(&self) -> Vec<String> {
        self.state().outages.clone()
    }

    /// ship is gone: leases end with its connections.
    pub fn leases_end(&self) {
        let mut state = self.state();
        state.fault = None;
        state.dead = false;
        for machine in state.hosts.values_mut() {
            machine.leased = false;
        }
        drop(state);
        self.interrupted.send_replace(false);
    }

    /// ship-proxy goes back where nobody confirmed.
    pub fn probations_end(&self) {
        let mut state = self.state();
        for machine in state.hosts.values_mut() {
            if machine.route.as_ref().is_some_and(|route| route.on_probation) {
                machine.go_back();
            }
        }
        state.look_for_outages("when the probation ended");
    }

    /// Counts a change, makes it, and lets the planted fault happen.
    async fn change<T>(&self, host: &HostName, what: &str, effect: impl FnOnce(&mut Machine) -> T) -> PortResult<T> {
        let (result, dies) = {
            let mut state = self.state();
            if state.dead {
                (None, true)
            } else {
                state.changes += 1;
                let fault = state.fault.filter(|(at, _)| *at == state.changes).map(|(_, fault)| fault);
                match fault {
                    Some(Fault::Fails) => return Err(broken(what, host)),
                    Some(Fault::Dies) => {
                        state.dead = true;
                        (None, true)
                    }
                    _ => {
                        let result = effect(state.hosts.get_mut(host).unwrap());
                        state.look_for_outages(what);
                        match fault {
                            Some(Fault::FailsAfterwards) => return Err(broken(what, host)),
                            Some(Fault::Interrupts) => {
                                self.interrupted.send_replace(true);
                            }
                            _ => {}
                        }
                        state.dead = fault == Some(Fault::DiesAfterwards);
                        (Some(result), state.dead)
                    }
                }
            }
        };
        if dies {
            self.died.notify_one();
            return std::future::pending().await;
        }
        Ok(result.unwrap())
    }
}

fn broken(what: &str, host: &HostName) -> PortError {
    PortError::refused(format!("{what} on {host}"), "planted fault")
}

impl State {
    /// Users are served by containers that run, on every host that has a route.
    fn look_for_outages(&mut self, what: &str) {
        for (name, machine) in &self.hosts {
            let Some(route) = &machine.route else { continue };
            for target in &route.targets {
                if !machine.containers.get(target).is_some_and(|made| made.running) {
                    self.outages.push(format!("{name}: {target} has traffic but does not run, {what}"));
                }
            }
        }
    }
}

impl Machine {
    fn go_back(&mut self) {
        if let Some(route) = self.route.take() {
            self.route = route.before.map(|before| Routed {
                generation: route.generation + 1,
                on_probation: false,
                before: None,
                ..*before
            });
        }
    }
}

#[async_trait]
impl Clock for Fleet {
    fn wall(&self) -> String {
        format!("2026-11-21T03:00:{:02}Z", self.state().now.as_secs() % 60)
    }
    fn monotonic(&self) -> Duration {
        self.state().now
    }
    async fn sleep(&self, span: Duration) {
        self.state().now += span;
        tokio::task::yield_now().await;
    }
}

struct Edge {
    fleet: Fleet,
    name: HostName,
}

impl Edge {
    async fn change<T>(&self, what: &str, effect: impl FnOnce(&mut Machine) -> T) -> PortResult<T> {
        self.fleet.change(&self.name, what, effect).await
    }

    fn machine(&self) -> Machine {
        self.fleet.state().hosts[&self.name].clone()
    }

    fn misbehaves(&self, container: &str) -> Option<String> {
        self.machine().containers.get(container)?.spec.env.get("MISBEHAVE").cloned()
    }
}

#[async_trait]
impl Engine for Edge {
    async fn view(&self, scope: &Scope) -> PortResult<EngineView> {
        let machine = self.machine();
        let containers = machine
            .containers
            .values()
            .filter(|made| made.spec.scope == *scope)
            .map(|made| Container {
                id: made.spec.name.clone(),
                name: made.spec.name.clone(),
                labels: Labels {
                    app: scope.app.clone(),
                    environment: scope.environment.clone(),
                    role: made.spec.role.clone(),
                    release: made.spec.release,
                    replica: made.spec.replica,
                },
                status: match (made.running, made.was_started) {
                    (true, _) => Status::Running,
                    (false, true) => Status::Exited,
                    (false, false) => Status::Created,
                },
                words: String::new(),
            })
            .collect();
        Ok(EngineView {
            engine: EngineFacts { version: "26.1".into(), platform: "linux/amd64".into() },
            containers,
            images: machine.images.iter().map(|(tag, digest)| (tag.clone(), digest.to_string())).collect(),
            volumes: machine.volumes.clone(),
            network: machine.networks.contains(&scope.to_string()),
        })
    }

    async fn push(&self, image: &Image, _chains: &[&[Digest]], _tell: OnProgress<'_>) -> PortResult<Sent> {
        self.change("push", |machine| {
            machine.images.insert(image.reference.clone(), image.digest.clone());
        })
        .await?;
        Ok(Sent { layers: 1, of_layers: 1, bytes: 1, again: false })
    }

    async fn ensure_network(&self, _scope: &Scope, name: &str) -> PortResult<()> {
        self.change("make the network", |machine| {
            machine.networks.insert(name.to_owned());
        })
        .await
    }

    async fn ensure_volume(&self, _scope: &Scope, name: &str) -> PortResult<()> {
        self.change("make the volume", |machine| {
            machine.volumes.insert(name.to_owned());
        })
        .await
    }

    async fn create(&self, spec: &ContainerSpec, _secrets: &Secrets) -> PortResult<()> {
        let machine = self.machine();
        assert!(machine.images.contains_key(&spec.image), "{} is made before its image is there", spec.name);
        assert!(machine.networks.contains(&spec.network), "{} is made before its network", spec.name);
        self.change("create", |machine| {
            machine.containers.entry(spec.name.clone()).or_insert_with(|| Made {
                spec: spec.clone(),
                running: false,
                keeps_running: false,
                was_started: false,
            });
        })
        .await
    }

    async fn own_volume(&self, _container: &str, _target: &str) -> PortResult<()> {
        self.change("own the volume", |_| ()).await
    }

    async fn start(&self, container: &str) -> PortResult<ContainerView> {
        let exits = self.misbehaves(container).is_some_and(|how| how == "exits");
        self.change("start", |machine| {
            if let Some(made) = machine.containers.get_mut(container) {
                made.running = !exits;
                made.was_started = true;
            }
        })
        .await?;
        self.look(container).await
    }

    async fn look(&self, container: &str) -> PortResult<ContainerView> {
        let machine = self.machine();
        let made = machine.containers.get(container);
        let running = made.is_some_and(|made| made.running);
        Ok(ContainerView {
            running,
            restarts: 0,
            exit_code: made.filter(|made| made.was_started && !running).map(|_| 1),
            out_of_memory: false,
            address: running.then(|| [172, 18, 0, 2].into()),
            pid: running.then_some(4711),
        })
    }

    async fn stop(&self, container: &str) -> PortResult<()> {
        self.change("stop", |machine| {
            if let Some(made) = machine.containers.get_mut(container) {
                made.running = false;
            }
        })
        .await
    }

    async fn remove(&self, container: &str) -> PortResult<()> {
        self.change("remove", |machine| {
            machine.containers.remove(container);
        })
        .await
    }

    async fn keep_running(&self, container: &str) -> PortResult<()> {
        self.change("keep running", |machine| {
            if let Some(made) = machine.containers.get_mut(container) {
                made.keeps_running = true;
            }
        })
        .await
    }

    async fn ended(&self, container: &str) -> PortResult<Ended> {
        if self.misbehaves(container).is_some_and(|how| how == "exits") {
            return Ok(Ended { exit_code: 1, last_lines: vec!["it hurts".into()] });
        }
        std::future::pending().await
    }

    async fn run_once(&self, spec: &ContainerSpec, _secrets: &Secrets, tell: OnLine<'_>) -> PortResult<Ended> {
        tell("migrating");
        let exit_code = i64::from(spec.env.get("MISBEHAVE").is_some_and(|how| how == "migration"));
        self.change("run once", |_| ()).await?;
        Ok(Ended { exit_code, last_lines: vec!["migrating".into()] })
    }

    async fn exec(&self, _container: &str, _command: &[String], _limit: Duration) -> PortResult<Ended> {
        Ok(Ended { exit_code: 0, last_lines: Vec::new() })
    }

    async fn last_lines(&self, _container: &str, _count: usize) -> PortResult<Vec<String>> {
        Ok(vec!["last words".into()])
    }

    async fn listening(&self, _pid: u32) -> PortResult<Vec<Listening>> {
        Ok(vec![Listening { loopback_only: true, port: 3000 }])
    }

    async fn remove_image(&self, reference: &str) -> PortResult<()> {
        let machine = self.machine();
        let used = machine.containers.values().find(|made| made.spec.image == reference);
        assert!(used.is_none(), "{reference} is removed while {used:?} is made from it");
        self.change("remove the image", |machine| {
            machine.images.remove(reference);
        })
        .await
    }

    async fn remove_network(&self, name: &str) -> PortResult<()> {
        self.change("remove the network", |machine| {
            machine.networks.remove(name);
        })
        .await
    }

    async fn remove_volume(&self, name: &str) -> PortResult<()> {
        self.change("remove the volume", |machine| {
            machine.volumes.remove(name);
        })
        .await
    }
}

#[async_trait]
impl Router for Edge {
    async fn view(&self, _scope: &Scope) -> PortResult<Option<Proxy>> {
        let machine = self.machine();
        let route = machine.route.map(|route| Route {
            generation: route.generation,
            release: route.release,
            on_probation_from: route.before.filter(|_| route.on_probation).map(|before| before.release),
            healthy: (route.targets.len(), route.targets.len()),
            last_event: None,
        });
        Ok(Some(Proxy { version: "0.1.0".into(), route }))
    }

    async fn switch(
        &self,
        _scope: &Scope,
        switch: &Switch,
        targets: &[Target],
        _secrets: &Secrets,
    ) -> PortResult<Switched> {
        for target in targets {
            if self.misbehaves(&target.name).is_some_and(|how| how == "503") {
                return Ok(Switched::NotHealthy(vec![NotHealthy {
                    target: target.name.clone(),
                    words: "GET http://172.18.0.2:3000/up answered 503".into(),
                    body: Some("no".into()),
                    refused: false,
                }]));
            }
            if self.misbehaves(&target.name).is_some_and(|how| how == "exits") {
                std::future::pending::<()>().await;
            }
            assert!(self.machine().containers[&target.name].running, "{} gets traffic but does not run", target.name);
        }
        let route = self.machine().route;
        let now = route.as_ref().map(|route| route.generation);
        if let Some(route) = route.filter(|route| route.release == switch.release && route.on_probation) {
            return Ok(Switched::Done { generation: route.generation });
        }
        if switch.generation.is_some() && switch.generation != now {
            return Err(PortError::refused("switch", "another generation").kind(PortErrorKind::Conflict));
        }
        self.change("switch", |machine| {
            let before = match machine.route.take() {
                Some(route) if route.on_probation => route.before,
                other => other.map(Box::new),
            };
            let generation = now.unwrap_or(0) + 1;
            machine.route = Some(Routed {
                release: switch.release,
                targets: switch.containers.clone(),
                before,
                on_probation: true,
                generation,
            });
            Switched::Done { generation }
        })
        .await
    }

    async fn confirm(&self, _scope: &Scope, _drain: Duration) -> PortResult<Drained> {
        self.change("confirm", |machine| {
            if let Some(route) = machine.route.as_mut() {
                route.on_probation = false;
                route.before = None;
            }
        })
        .await?;
        Ok(Drained::default())
    }

    async fn revert(&self, _scope: &Scope) -> PortResult<()> {
        self.change("revert", |machine| {
            if machine.route.as_ref().is_some_and(|route| route.on_probation) {
                machine.go_back();
            }
        })
        .await
    }

    async fn remove(&self, _scope: &Scope) -> PortResult<()> {
        self.change("remove the route", |machine| machine.route = None).await
    }
}

#[async_trait]
impl Archive for Edge {
    async fn read(&self, _scope: &Scope) -> PortResult<Memory> {
        let machine = self.machine();
        Ok(Memory { ledger: machine.ledger, records: machine.records.into_values().collect(), held_by: None })
    }

    async fn lease(
        &self,
        scope: &Scope,
        _holder: &str,
        _wait: Duration,
        _busy: OnLine<'_>,
    ) -> PortResult<(Arc<dyn Lease>, Memory)> {
        let taken =
            self.fleet.state().hosts.get_mut(&self.name).map(|machine| std::mem::replace(&mut machine.leased, true));
        assert_eq!(taken, Some(false), "the lease of {} is taken twice", self.name);
        let lease = Arc::new(Edge { fleet: self.fleet.clone(), name: self.name.clone() });
        Ok((lease, self.read(scope).await?))
    }

    async fn secrets(&self, _scope: &Scope, release: ReleaseNumber) -> PortResult<Secrets> {
        Lease::secrets(self, release).await
    }

    async fn append_audit(&self, _scope: &Scope, line: &str) -> PortResult<()> {
        self.change("append to the audit", |machine| machine.audit.push_str(&format!("{line}\n"))).await
    }

    async fn audit(&self, _scope: &Scope) -> PortResult<String> {
        Ok(self.machine().audit)
    }
}

#[async_trait]
impl Lease for Edge {
    async fn append(&self, lines: &[String]) -> PortResult<()> {
        let text = lines.join("\n") + "\n";
        self.change("append to the ledger", |machine| machine.ledger.extend(text.as_bytes())).await
    }

    async fn ledger(&self) -> PortResult<Vec<u8>> {
        Ok(self.machine().ledger)
    }

    async fn cut_ledger(&self, length: u64) -> PortResult<()> {
        self.change("cut the ledger", |machine| machine.ledger.truncate(usize::try_from(length).unwrap())).await
    }

    async fn record(&self, release: &Release, secrets: &Secrets) -> PortResult<()> {
        let values = secrets.reveal().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.change("record", |machine| {
            machine.records.insert(release.number, release.clone());
            machine.secrets.insert(release.number, values);
        })
        .await
    }

    async fn secrets(&self, release: ReleaseNumber) -> PortResult<Secrets> {
        let mut secrets = Secrets::new();
        for (name, value) in self.machine().secrets.get(&release).cloned().unwrap_or_default() {
            secrets.insert(name, value);
        }
        Ok(secrets)
    }

    async fn forget(&self, release: ReleaseNumber) -> PortResult<()> {
        self.change("forget", |machine| {
            machine.records.remove(&release);
            machine.secrets.remove(&release);
        })
        .await
    }

    async fn forget_app(&self) -> PortResult<()> {
        self.change("forget the app", |machine| {
            machine.ledger.clear();
            machine.records.clear();
            machine.secrets.clear();
        })
        .await
    }
}
