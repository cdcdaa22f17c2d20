//! One action becomes calls of ports. Every action ensures a state, so doing it twice does it once.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use futures_util::future::{try_join, try_join_all};
use tokio::sync::watch;

use crate::event::{Event, StepId};
use crate::name::{HostName, ReleaseNumber};
use crate::plan::action::{Action, ContainerSpec, Switch};
use crate::plan::{Plan, notation};
use crate::ports::{ContainerView, Host, PortResult, Sent, Target};
use crate::release::ledger;
use crate::release::{Release, Secrets, Tls};

use super::explain::StepError;
use super::health::Watch;
use super::journal::Journal;
use super::{Held, Run};

/// One host during a run.
pub(super) struct HostRun<'a> {
    pub(super) name: &'a HostName,
    pub(super) plan: &'a Plan,
    pub(super) run: &'a Run<'a>,
    pub(super) host: &'a Host,
    held: &'a Held,
    journal: Journal,
    steps: &'a AtomicU32,
    /// Actions that were begun, in order: what the undo goes back over.
    begun: Mutex<Vec<Action>>,
    announced: AtomicBool,
    started: Mutex<BTreeMap<String, ContainerView>>,
}

impl<'a> HostRun<'a> {
    pub(super) fn new(
        name: &'a HostName,
        plan: &'a Plan,
        run: &'a Run<'a>,
        held: &'a Held,
        steps: &'a AtomicU32,
    ) -> Option<Self> {
        Some(Self {
            name,
            plan,
            run,
            host: run.world.hosts.get(name)?,
            held,
            journal: Journal::at(held.position.clone()),
            steps,
            begun: Mutex::default(),
            announced: AtomicBool::new(false),
            started: Mutex::default(),
        })
    }

    pub(super) fn next_step(&self) -> StepId {
        super::next_step(self.steps)
    }

    pub(super) fn interrupted(&self) -> bool {
        *self.run.interrupt.borrow()
    }

    /// Actions to undo, last first.
    pub(super) fn begun_last_first(&self) -> Vec<Action> {
        self.begun.lock().map(|begun| begun.iter().rev().cloned().collect()).unwrap_or_default()
    }

    /// Whether the release's intent is in the ledger.
    pub(super) fn announced(&self) -> bool {
        self.announced.load(Ordering::Relaxed)
    }

    /// Whether the release command was begun here.
    pub(super) fn ran_command(&self) -> bool {
        self.begun.lock().is_ok_and(|begun| begun.iter().any(|action| matches!(action, Action::RunOnce(_))))
    }

    /// Does an action, unless another host fails or the user interrupts: then what may take long is given up, and what
    /// is short is finished.
    pub(super) async fn act_unless_stopped(
        &self,
        action: &Action,
        step: StepId,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<(), StepError> {
        let mut interrupt = self.run.interrupt.clone();
        if !may_take_long(action) {
            return self.act(action, step).await;
        }
        tokio::select! {
            biased;
            done = self.act(action, step) => done,
            () = becomes_true(&mut stopped) => Err(StepError::Stopped),
            () = becomes_true(&mut interrupt) => Err(StepError::Stopped),
        }
    }

    /// Does an action and tells of it.
    pub(super) async fn act(&self, action: &Action, step: StepId) -> Result<(), StepError> {
        if let Ok(mut begun) = self.begun.lock() {
            begun.push(action.clone());
        }
        let before = self.run.world.clock.monotonic();
        let words = notation::words_after(action, self.plan.before.get(self.name).copied().flatten());
        (self.run.tell)(Event::StepStarted { host: self.name.clone(), step, words });
        let note = self.effect(action, step).await?;
        let took = self.run.world.clock.monotonic().saturating_sub(before);
        (self.run.tell)(Event::StepDone { host: self.name.clone(), step, took, note });
        Ok(())
    }

    /// The effect alone. Answers what is worth knowing of the result.
    async fn effect(&self, action: &Action, step: StepId) -> Result<String, StepError> {
        let (engine, router) = (&self.host.engine, &self.host.router);
        let scope = &self.plan.scope;
        match action {
            Action::Announce(release) => self.announce(release).await?,
            Action::Record(events) => self.append(events).await?,
            Action::EnsureNetwork { name } => engine.ensure_network(scope, name).await?,
            Action::EnsureVolume { name } => engine.ensure_volume(scope, name).await?,
            Action::Push { .. } => return self.push(action, step).await,
            Action::RunOnce(spec) => self.run_once(spec, step).await?,
            Action::Create { containers, new_volumes } => self.create(containers, new_volumes).await?,
            Action::Start { containers } => self.start(containers).await?,
            Action::AwaitUp { containers, health } => self.watch().up(containers, health).await?,
            Action::Switch(switch) => self.switch(switch).await?,
            Action::Confirm { drain } => {
                let drained = router.confirm(scope, *drain).await?;
                return Ok(match (drained.finished, drained.cut) {
                    (0, 0) => String::new(),
                    (finished, 0) => format!("{finished} requests finished"),
                    (finished, cut) => format!("{finished} requests finished, {cut} connections closed"),
                });
            }
            Action::KeepRunning { containers } => each(containers, |name| engine.keep_running(name)).await?,
            Action::Stop { containers } => each(containers, |name| engine.stop(name)).await?,
            Action::RemoveContainers { containers } => each(containers, |name| engine.remove(name)).await?,
            Action::RemoveImage { reference } => engine.remove_image(reference).await?,
            Action::Forget { release } => self.held.lease.forget(*release).await?,
            Action::ForgetApp => self.held.lease.forget_app().await?,
            Action::Revert => router.revert(scope).await?,
            Action::RemoveRoute => router.remove(scope).await?,
            Action::RemoveNetwork { name } => engine.remove_network(name).await?,
            Action::RemoveVolume { name } => engine.remove_volume(name).await?,
        }
        Ok(String::new())
    }

    /// Appends to the ledger.
    pub(super) async fn append(&self, events: &[(ReleaseNumber, ledger::Event)]) -> PortResult<()> {
        self.journal.append(&*self.held.lease, &*self.run.world.clock, self.run.by, events).await
    }

    async fn announce(&self, release: &Release) -> PortResult<()> {
        // The record first: a release that the ledger knows can then always be read.
        self.held.lease.record(release, self.run.secrets).await?;
        let planned = ledger::Event::Planned {
            image: release.image.digest.clone(),
            source: release.source.clone(),
            from: self.plan.before.get(self.name).copied().flatten(),
        };
        self.append(&[(release.number, planned)]).await?;
        self.announced.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn push(&self, action: &Action, step: StepId) -> Result<String, StepError> {
        let Action::Push { image, have } = action else { return Ok(String::new()) };
        let chains: Vec<_> = have.iter().map(Vec::as_slice).collect();
        let tell = |progress| (self.run.tell)(Event::Progress { host: self.name.clone(), step, progress });
        let Sent { layers, of_layers, bytes, again } = self.host.engine.push(image, &chains, &tell).await?;
        let again = if again { ", sent once more because the host lacked what it should have had" } else { "" };
        Ok(format!("{layers} of {of_layers} layers, {bytes} bytes{again}"))
    }

    async fn run_once(&self, spec: &ContainerSpec, step: StepId) -> Result<(), StepError> {
        let secrets = self.secrets(spec.release).await?;
        let tell = |line: &str| {
            (self.run.tell)(Event::Output { host: self.name.clone(), step, line: line.to_owned() });
        };
        let ended = self.host.engine.run_once(spec, &secrets, &tell).await?;
        if ended.exit_code == 0 {
            return Ok(());
        }
        let output = ended.last_lines.iter().map(|line| format!("{} | {line}", self.name)).collect();
        Err(StepError::Command { code: ended.exit_code, output })
    }

    async fn create(&self, containers: &[ContainerSpec], new_volumes: &[String]) -> Result<(), StepError> {
        let Some(first) = containers.first() else { return Ok(()) };
        let secrets = self.secrets(first.release).await?;
        try_join_all(containers.iter().map(|spec| self.host.engine.create(spec, &secrets))).await?;
        let own = new_volumes.iter().map(|target| self.host.engine.own_volume(&first.name, target));
        try_join_all(own).await?;
        Ok(())
    }

    async fn start(&self, containers: &[String]) -> Result<(), StepError> {
        let views = try_join_all(
            containers
                .iter()
                .map(|name| async move { Ok::<_, StepError>((name.clone(), self.host.engine.start(name).await?)) }),
        )
        .await?;
        if let Ok(mut started) = self.started.lock() {
            started.extend(views);
        }
        Ok(())
    }

    async fn switch(&self, switch: &Switch) -> Result<(), StepError> {
        let key = async {
            match &switch.routes.tls {
                Tls::Off => Ok(Secrets::new()),
                // The certificate's private key travels with the switch.
                Tls::Given { .. } => self.secrets(switch.release).await,
            }
        };
        let (secrets, targets) = try_join(key, self.targets(switch)).await?;
        self.watch().switch(switch, &self.plan.scope, &targets, &secrets).await
    }

    async fn targets(&self, switch: &Switch) -> PortResult<Vec<Target>> {
        let mut targets = Vec::with_capacity(switch.containers.len());
        for name in &switch.containers {
            let known = self.started.lock().ok().and_then(|started| started.get(name)?.address);
            let address = match known {
                Some(address) => address,
                // It ended before it had an address, or it was started by an earlier, interrupted run.
                None => match self.host.engine.look(name).await?.address {
                    Some(address) => address,
                    None => std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
                },
            };
            targets.push(Target { name: name.clone(), address: (address, switch.port).into() });
        }
        Ok(targets)
    }

    /// The secrets of a release: given for the one that is deployed, remembered by the host for any other.
    async fn secrets(&self, release: ReleaseNumber) -> PortResult<Secrets> {
        if super::announces(self.plan.goal) == Some(release) {
            return Ok(self.run.secrets.clone());
        }
        self.held.lease.secrets(release).await
    }

    fn watch(&self) -> Watch<'_> {
        Watch { host: self.host, clock: &*self.run.world.clock }
    }
}

/// Actions that wait for something outside, or send much: they are given up when the run stops.
fn may_take_long(action: &Action) -> bool {
    matches!(action, Action::Push { .. } | Action::RunOnce(_) | Action::AwaitUp { .. } | Action::Switch(_))
}

async fn becomes_true(flag: &mut watch::Receiver<bool>) {
    if flag.wait_for(|value| *value).await.is_err() {
        // Nobody can set it any more.
        std::future::pending::<()>().await;
    }
}

async fn each<'a, F>(names: &'a [String], work: impl Fn(&'a str) -> F) -> PortResult<()>
where
    F: Future<Output = PortResult<()>>,
{
    try_join_all(names.iter().map(|name| work(name))).await?;
    Ok(())
}
