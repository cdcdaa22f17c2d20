//! A simulated server: steps change its facts as a real one's would, and it can fail in all ways.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use ship::plan::setup::{
    Account, AccountName, Directory, Docker, Engine, Packages, ProxyFacts, ServerFacts, Settings, SetupStep,
};
use ship::ports::{OnLine, PortError, PortErrorKind, PortResult, Server};

/// What happens at the step that is to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not done.
    Refused,
    /// It is done, and nobody hears of it.
    LostAfter,
    /// It says that it was done, and was not.
    Lie,
}

pub(super) struct FakeServer {
    facts: Mutex<ServerFacts>,
    fault: Option<(usize, Fault)>,
    performed: AtomicUsize,
}

impl FakeServer {
    pub(super) fn new(facts: ServerFacts) -> Self {
        Self { facts: Mutex::new(facts), fault: None, performed: AtomicUsize::new(0) }
    }

    /// Fails once, at the step of this number (from 0).
    pub(super) fn failing(facts: ServerFacts, at: usize, fault: Fault) -> Self {
        Self { fault: Some((at, fault)), ..Self::new(facts) }
    }

    pub(super) fn performed(&self) -> usize {
        self.performed.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Server for FakeServer {
    async fn facts(&self, _user: &AccountName) -> PortResult<ServerFacts> {
        Ok(self.facts.lock().unwrap().clone())
    }

    async fn perform(&self, step: &SetupStep, tell: OnLine<'_>) -> PortResult<()> {
        let number = self.performed.fetch_add(1, Ordering::Relaxed);
        let fault = self.fault.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
        tell(&format!("line of step {number}"));
        match fault {
            Some(Fault::Refused) => return Err(PortError::refused(format!("{step}"), "no")),
            Some(Fault::Lie) => return Ok(()),
            Some(Fault::LostAfter) | None => {
                let changed = change(&mut self.facts.lock().unwrap(), step);
                changed.map_err(|why| PortError::refused(format!("{step}"), why))?;
            }
        }
        match fault {
            Some(_) => Err(PortError::refused(format!("{step}"), "gone").kind(PortErrorKind::Lost)),
            None => Ok(()),
        }
    }
}

/// What a step does to a server; without what it builds on it fails there too.
fn change(facts: &mut ServerFacts, step: &SetupStep) -> Result<(), &'static str> {
    let owned = |owner: &str| Some(Directory { owner: owner.to_owned(), mode: 0o700 });
    match step {
        SetupStep::DockerSettings { text, .. } => {
            facts.settings = Settings::Text(text.clone());
            facts.settings_pending = false;
            if let Docker::Installed(engine) = &mut facts.docker {
                engine.live_restore = engine.running;
            }
        }
        SetupStep::Install { what: Packages::Engine, .. } => {
            let mut engine = super::engine();
            (engine.running, engine.live_restore) = (false, false);
            facts.docker = Docker::Installed(engine);
        }
        SetupStep::Install { what: Packages::Client, .. } => engine(facts)?.client = true,
        SetupStep::StartDocker => {
            let engine = engine(facts)?;
            (engine.running, engine.enabled, engine.live_restore) = (true, true, true);
        }
        SetupStep::CreateUser { .. } => {
            facts.account = Some(Account { in_docker_group: false, keys: Vec::new(), keys_usable: false });
        }
        SetupStep::AllowDocker { .. } => account(facts)?.in_docker_group = true,
        SetupStep::AllowKeys { keys, .. } => {
            let account = account(facts)?;
            account.keys.extend(keys.iter().map(ToString::to_string));
            account.keys_usable = true;
        }
        SetupStep::CreateProxyUser => facts.proxy_account = true,
        SetupStep::Directories { user, proxy } => {
            (facts.state, facts.proxy_state) = (owned(user.as_str()), owned(proxy));
        }
        SetupStep::LoadProxy { proxy } => {
            facts.proxy_images.insert(proxy.reference.clone(), proxy.digest.to_string());
        }
        SetupStep::RunProxy { proxy, .. } if !facts.proxy_images.contains_key(&proxy.reference) => {
            return Err("there is no such image");
        }
        SetupStep::RunProxy { proxy, account, .. } => {
            facts.proxy = Some(ProxyFacts {
                running: true,
                version: Some(proxy.version.clone()),
                made: Some(proxy.made(account)),
                answers: Some(proxy.version.clone()),
            });
        }
    }
    Ok(())
}

fn engine(facts: &mut ServerFacts) -> Result<&mut Engine, &'static str> {
    match &mut facts.docker {
        Docker::Installed(engine) => Ok(engine),
        Docker::Missing | Docker::Foreign(_) => Err("there is no engine"),
    }
}

fn account(facts: &mut ServerFacts) -> Result<&mut Account, &'static str> {
    facts.account.as_mut().ok_or("there is no such account")
}
