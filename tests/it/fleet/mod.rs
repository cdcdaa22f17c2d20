//! Plan and apply on a simulated fleet: whole deploys and rollbacks, and every failure at every change. What must hold
//! each time: nobody is ever sent to a container that does not run, the ledgers fold, and the next command succeeds
//! without any clean-up by hand.

mod every_failure;
mod outcomes;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use ship::apply::{self, Held, Outcome, Run};
use ship::inventory::Inventory;
use ship::name::{HostName, ReleaseNumber, Scope};
use ship::observe::{self, Asking, Leased};
use ship::plan::{NoPlan, Plan, deploy, rollback};
use ship::release::history::History;
use ship::release::{Health, Image, Mount, MountSource, Release, Role, Routes, Secrets, Source, Spec, Tls, ledger};
use world::Fleet;

pub fn scope() -> Scope {
    Scope { app: "blog".parse().unwrap(), environment: "production".parse().unwrap() }
}

pub fn release(number: u32) -> ReleaseNumber {
    number.to_string().parse().unwrap()
}

/// What a test changes of the app.
#[derive(Clone, Default)]
pub struct App {
    pub env: BTreeMap<String, String>,
    pub migrates: bool,
    pub keep: Option<u32>,
}

impl App {
    pub fn with(env: &[(&str, &str)]) -> Self {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { env, migrates: true, keep: None }
    }

    pub fn release(&self, number: ReleaseNumber, hosts: &[HostName]) -> Release {
        let role = |health, replicas| Role {
            command: None,
            hosts: hosts.to_vec(),
            replicas,
            port: None,
            env: BTreeMap::new(),
            health,
            memory: None,
            millicpus: None,
            stop_signal: None,
            stop_timeout: Duration::from_secs(10),
            user: None,
        };
        let http = Health::Http {
            path: "/up".into(),
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            deadline: Duration::from_secs(30),
        };
        let stays_up = Health::StaysUp { span: Duration::from_secs(2) };
        Release {
            number,
            scope: scope(),
            image: Image {
                reference: format!("{}:{number}", scope()),
                digest: format!("sha256:{:064}", 7).parse().unwrap(),
                layers: vec![format!("sha256:{:064}", 1).parse().unwrap()],
                platform: "linux/amd64".into(),
                exposed: vec![3000],
                user: String::new(),
            },
            source: Source { by: "ana@laptop".into(), ..Source::default() },
            spec: Spec {
                roles: [("web", role(http, 2)), ("worker", role(stays_up, 1))]
                    .into_iter()
                    .map(|(name, role)| (name.parse().unwrap(), role))
                    .collect(),
                env: self.env.clone(),
                volumes: vec![Mount {
                    source: MountSource::Volume("storage".parse().unwrap()),
                    target: "/data".into(),
                    read_only: false,
                }],
                release_command: self.migrates.then(|| vec!["migrate".into()]),
                console_command: None,
                routes: Some(Routes {
                    role: "web".parse().unwrap(),
                    domains: Vec::new(),
                    path_prefix: "/".into(),
                    strip_prefix: false,
                    tls: Tls::Off,
                    drain: Duration::from_secs(30),
                    response_timeout: Duration::from_secs(60),
                }),
                keep: self.keep.unwrap_or(3),
            },
            secret_names: vec!["TOKEN".into()],
        }
    }
}

/// A command's end, as `main` would see it.
#[derive(Debug)]
pub enum End {
    Done,
    Failed(Box<apply::Failed>, Plan),
    NoPlan(NoPlan),
}

impl End {
    #[track_caller]
    pub fn done(self) {
        assert!(matches!(self, Self::Done), "{self:?}");
    }
}

type Planner<'a> = &'a (dyn Fn(&Inventory) -> Result<Plan, NoPlan> + Sync);

/// The flow of every changing command: lease, inventory, plan, apply.
pub async fn command(fleet: &Fleet, planner: Planner<'_>) -> End {
    let world = fleet.world();
    let asking = Asking { holder: "ana@laptop", wait: Duration::ZERO, busy: &|_, _| {} };
    let leased = match observe::leased(&world, &scope(), &asking).await {
        Ok(leased) => leased,
        Err(error) => panic!("{}", error.one_line()),
    };
    let plan = match planner(&observe::inventory_of(&leased)) {
        Ok(plan) => plan,
        Err(error) => {
            release_leases(fleet, &leased);
            return End::NoPlan(error);
        }
    };
    let leases = leased
        .iter()
        .map(|(name, leased)| {
            let position = leased.inventory.history().unwrap().position.clone();
            (name.clone(), Held { lease: leased.lease.clone(), position })
        })
        .collect();
    let mut secrets = Secrets::new();
    secrets.insert("TOKEN".into(), "s3cret".into());
    let run = Run {
        world: &world,
        leases: &leases,
        secrets: &secrets,
        by: "ana@laptop",
        tell: &|_| {},
        interrupt: fleet.interrupted.subscribe(),
    };
    let outcome = apply::run(&plan, &run).await.unwrap();
    release_leases(fleet, &leased);
    match outcome {
        Outcome::Done => End::Done,
        Outcome::Failed(failed) => End::Failed(failed, plan),
    }
}

fn release_leases(fleet: &Fleet, leased: &BTreeMap<HostName, Leased>) {
    for name in leased.keys() {
        fleet.edit(name.as_str(), |machine| machine.leased = false);
    }
}

pub async fn deploy(fleet: &Fleet, app: &App) -> End {
    command(fleet, &|inventory| {
        let hosts: Vec<_> = inventory.keys().cloned().collect();
        deploy::plan(&app.release(deploy::next_number(inventory), &hosts), inventory)
    })
    .await
}

pub async fn roll_back(fleet: &Fleet, to: Option<u32>) -> End {
    command(fleet, &|inventory| {
        let number = match to {
            Some(number) => release(number),
            None => rollback::previous(inventory.keys().next().unwrap(), inventory)?,
        };
        rollback::plan(&scope(), number, inventory)
    })
    .await
}

/// The ledger of a host, folded; panics on damage.
pub fn history(fleet: &Fleet, host: &str) -> History {
    History::fold(&ledger::read(&fleet.machine(host).ledger).unwrap()).unwrap()
}

/// The release that users of a host see, and the containers that run there.
pub fn serving(fleet: &Fleet, host: &str) -> (Option<ReleaseNumber>, Vec<String>) {
    let machine = fleet.machine(host);
    let running = machine.containers.iter().filter(|(_, made)| made.running).map(|(name, _)| name.clone()).collect();
    (machine.route.map(|route| route.release), running)
}
