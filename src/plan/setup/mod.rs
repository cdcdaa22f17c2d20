//! `ship setup` as data: what a server lacks of what is wanted, as a pure function of one look at it. Nothing lacks:
//! nothing to do. What would make it fail half-way is said before anything is changed.

mod facts;
mod problem;
mod settings;
mod step;
mod wanted;

pub use facts::{Account, Directory, Docker, Engine, Listener, ProxyFacts, ServerFacts, Settings, System};
pub use problem::Problem;
pub use step::{Apply, Packages, Replaces, SetupStep};
pub use wanted::{AccountName, ImageArchive, NotAKey, NotAnAccount, ProxySpec, PublicKey, Wanted};

/// The root of ship's state on a server.
pub const STATE: &str = "/var/lib/ship";
/// The account that ship-proxy runs as where the deploy user is root.
pub const PROXY_ACCOUNT: &str = "ship-proxy";
/// The group whose members may use Docker.
pub const DOCKER_GROUP: &str = "docker";

/// What `docker.io` with all that it needs takes on a fresh server, and some air.
const ROOM_FOR_DOCKER: u64 = 700_000_000;

/// What is to be done on a server, in order; empty if nothing is. Otherwise everything that is in the way.
pub fn plan(facts: &ServerFacts, wanted: &Wanted) -> Result<Vec<SetupStep>, Vec<Problem>> {
    let mut problems = Vec::new();
    let settings = settings::step(facts).unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    let mut steps: Vec<_> = settings.into_iter().collect();
    steps.extend(engine_steps(facts));
    steps.extend(account_steps(facts, wanted));
    steps.extend(proxy_steps(facts, wanted));
    if steps.is_empty() && problems.is_empty() {
        return Ok(steps);
    }
    problems.splice(0..0, obstacles(facts, wanted, &steps));
    if problems.is_empty() { Ok(steps) } else { Err(problems) }
}

fn engine_steps(facts: &ServerFacts) -> Vec<SetupStep> {
    let install = |what| SetupStep::Install {
        what,
        system: facts.system.name.clone(),
        after: facts.apt_held_by.clone(),
        with_apparmor: facts.system.lacks_apparmor_tools,
    };
    match &facts.docker {
        Docker::Foreign(_) => Vec::new(),
        Docker::Missing => vec![install(Packages::Engine), SetupStep::StartDocker],
        Docker::Installed(engine) => {
            let client = (!engine.client).then(|| install(Packages::Client));
            let start = (!engine.enabled || !engine.running).then_some(SetupStep::StartDocker);
            client.into_iter().chain(start).collect()
        }
    }
}

fn account_steps(facts: &ServerFacts, wanted: &Wanted) -> Vec<SetupStep> {
    let user = || wanted.user.clone();
    let mut steps = Vec::new();
    if facts.account.is_none() {
        steps.push(SetupStep::CreateUser { user: user() });
    }
    if !wanted.user.is_root() && !facts.account.as_ref().is_some_and(|account| account.in_docker_group) {
        steps.push(SetupStep::AllowDocker { user: user() });
    }
    let keys = missing_keys(facts, wanted);
    if !keys.is_empty() || !facts.account.as_ref().is_some_and(|account| account.keys_usable) {
        steps.push(SetupStep::AllowKeys { user: user(), keys });
    }
    if wanted.user.is_root() && !facts.proxy_account {
        steps.push(SetupStep::CreateProxyUser);
    }
    let holds = |directory: &Option<Directory>, owner: &str| {
        directory.as_ref().is_some_and(|directory| directory.owner == owner && directory.mode == 0o700)
    };
    if !holds(&facts.state, wanted.user.as_str()) || !holds(&facts.proxy_state, wanted.proxy_account()) {
        steps.push(SetupStep::Directories { user: user(), proxy: wanted.proxy_account().to_owned() });
    }
    steps
}

/// The keys that were asked for, and those of the account that ship logged in with, so that nobody is locked out.
/// Lines with options are left alone: they restrict a key, and often to nothing but a message.
fn missing_keys(facts: &ServerFacts, wanted: &Wanted) -> Vec<PublicKey> {
    let has: &[String] = facts.account.as_ref().map_or(&[], |account| &account.keys);
    let of_login = facts.login_keys.iter().filter_map(|line| line.parse::<PublicKey>().ok());
    let mut missing: Vec<PublicKey> = Vec::new();
    for key in wanted.keys.iter().cloned().chain(of_login) {
        if !has.iter().any(|line| key.is_in(line)) && !missing.contains(&key) {
            missing.push(key);
        }
    }
    missing
}

fn proxy_steps(facts: &ServerFacts, wanted: &Wanted) -> Vec<SetupStep> {
    let proxy = &wanted.proxy;
    let made = proxy.made(wanted.proxy_account());
    let replaces = match &facts.proxy {
        None => Replaces::Nothing,
        Some(there) if there.made.as_ref() == Some(&made) => match (there.running, &there.answers) {
            (true, Some(_)) => return Vec::new(),
            (true, None) => Replaces::Silent,
            (false, _) => Replaces::Stopped,
        },
        Some(there) => there.version.clone().map_or(Replaces::Unknown, Replaces::Version),
    };
    let load =
        (!facts.proxy_images.contains_key(&proxy.reference)).then(|| SetupStep::LoadProxy { proxy: proxy.clone() });
    let run = SetupStep::RunProxy { proxy: proxy.clone(), account: wanted.proxy_account().to_owned(), replaces };
    load.into_iter().chain([run]).collect()
}

/// What would make the steps fail half-way.
fn obstacles(facts: &ServerFacts, wanted: &Wanted, steps: &[SetupStep]) -> Vec<Problem> {
    let found = || facts.system.name.clone();
    let mut problems = Vec::new();
    if !is_supported(&facts.system) {
        problems.push(Problem::System { found: found() });
    }
    if !facts.system.systemd {
        problems.push(Problem::NoSystemd { found: found() });
    }
    if !facts.privileged {
        problems.push(Problem::NoRoot { login: facts.login.clone() });
    }
    match &facts.docker {
        Docker::Foreign(what) => problems.push(Problem::ForeignDocker { what: what.clone() }),
        Docker::Installed(engine) if !is_recent(&engine.version) => {
            problems.push(Problem::OldDocker { version: engine.version.clone(), package: engine.package.clone() });
        }
        Docker::Missing if facts.disk_free < ROOM_FOR_DOCKER => {
            problems.push(Problem::DiskFull { free: facts.disk_free, needed: ROOM_FOR_DOCKER });
        }
        Docker::Missing | Docker::Installed(_) => {}
    }
    let has_key = facts.account.as_ref().is_some_and(|account| !account.keys.is_empty());
    if !has_key && missing_keys(facts, wanted).is_empty() {
        problems.push(Problem::NoKey { user: wanted.user.to_string() });
    }
    if steps.iter().any(|step| matches!(step, SetupStep::RunProxy { .. })) {
        problems.extend(facts.listeners.iter().filter(|listener| !listener.ours).cloned().map(Problem::PortTaken));
    }
    problems
}

/// Debian from 11 and Ubuntu from 20.04 on. Testing and unstable Debian have no version.
fn is_supported(system: &System) -> bool {
    let version = system.version.as_deref().map(numbers);
    match system.id.as_str() {
        "debian" => version.is_none_or(|version| version >= (11, 0)),
        "ubuntu" => version.is_some_and(|version| version >= (20, 4)),
        _ => false,
    }
}

fn is_recent(docker: &str) -> bool {
    numbers(docker) >= (20, 10)
}

/// The first two numbers of a version: `20.10.24+dfsg1` is 20 and 10.
fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}
