//! The closed set of what setup does to a server, and its words. Each ensures a state, so doing it twice does it once.

use std::fmt;

use super::wanted::{AccountName, ProxySpec, PublicKey};

/// One thing to do on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupStep {
    /// Write Docker's `daemon.json` and have Docker take it.
    DockerSettings {
        /// The whole file.
        text: String,
        /// The keys that are new in it.
        adds: Vec<&'static str>,
        /// How Docker takes them.
        apply: Apply,
    },
    /// Install packages of the distribution.
    Install {
        /// What for.
        what: Packages,
        /// Where from: `Debian GNU/Linux 12 (bookworm)`.
        system: String,
        /// Who uses apt now, and is waited for.
        after: Option<String>,
        /// `AppArmor`'s tools too, without which this kernel lets Docker start nothing.
        with_apparmor: bool,
    },
    /// Start Docker, now and at every boot.
    StartDocker,
    /// Create an account without a password.
    CreateUser {
        /// Its name.
        user: AccountName,
    },
    /// Let an account use Docker.
    AllowDocker {
        /// Its name.
        user: AccountName,
    },
    /// Let keys log in.
    AllowKeys {
        /// The account.
        user: AccountName,
        /// The keys that it lacks; empty if only the files' owner or mode is wrong.
        keys: Vec<PublicKey>,
    },
    /// Create the account that ship-proxy runs as where the deploy user is root.
    CreateProxyUser,
    /// Create ship's directories, and give them their owners and modes.
    Directories {
        /// Owns ship's state.
        user: AccountName,
        /// Owns ship-proxy's state.
        proxy: String,
    },
    /// Send ship-proxy's image.
    LoadProxy {
        /// Which.
        proxy: ProxySpec,
    },
    /// Start ship-proxy, in the place of any other one, and wait until it answers.
    RunProxy {
        /// From what.
        proxy: ProxySpec,
        /// The account that it runs as.
        account: String,
        /// What is replaced.
        replaces: Replaces,
    },
}

/// How Docker takes new settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apply {
    /// It does not run yet.
    AtStart,
    /// It rereads its file.
    Reload,
    /// It is restarted; no container runs.
    Restart,
    /// It learns to leave containers alone, and then is restarted.
    ReloadThenRestart,
    /// It takes them when it is restarted next: now that would stop containers.
    NotNow,
}

/// A set of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packages {
    /// Docker Engine and its command.
    Engine,
    /// The `docker` command alone.
    Client,
}

/// What is in the place of a container that is to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaces {
    /// Nothing.
    Nothing,
    /// The same one, which does not run.
    Stopped,
    /// The same one, which runs and does not answer.
    Silent,
    /// One that was made otherwise, with its version.
    Version(String),
    /// One of that name that ship did not make.
    Unknown,
}

impl fmt::Display for SetupStep {
    /// In words, as the plan shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DockerSettings { adds, apply, .. } => settings(f, adds, *apply),
            Self::Install { what, system, after, .. } => {
                let what = match what {
                    Packages::Engine => "Docker Engine",
                    Packages::Client => "the docker command",
                };
                write!(f, "install {what} from {system}")?;
                after.iter().try_for_each(|holder| write!(f, ", after {holder} has let go of apt"))
            }
            Self::StartDocker => f.write_str("start Docker, now and at every boot"),
            Self::CreateUser { user } => write!(f, "create the user {user}, who has no password"),
            Self::AllowDocker { user } => write!(f, "let {user} use Docker"),
            Self::AllowKeys { user, keys } if keys.is_empty() => {
                write!(f, "give {user} the files of its keys, so that sshd takes them")
            }
            Self::AllowKeys { user, keys } => {
                let labels: Vec<_> = keys.iter().map(PublicKey::label).collect();
                write!(f, "let {} log in as {user}", labels.join(", "))
            }
            Self::CreateProxyUser => {
                write!(f, "create the user {}, whom ship-proxy runs as", super::PROXY_ACCOUNT)
            }
            Self::Directories { user, .. } => write!(f, "create {} for {user} alone", super::STATE),
            Self::LoadProxy { proxy } => write!(f, "send the image of ship-proxy {}", proxy.version),
            Self::RunProxy { proxy, replaces, .. } => run_proxy(f, &proxy.version, replaces),
        }
    }
}

fn settings(f: &mut fmt::Formatter<'_>, adds: &[&str], apply: Apply) -> fmt::Result {
    let logs = match (adds.contains(&"max-file"), adds.contains(&"max-size")) {
        (true, true) => "limit container logs to 3 files of 10 MB",
        (true, false) => "limit container logs to 3 files",
        (false, true) => "limit files of container logs to 10 MB",
        (false, false) => "",
    };
    f.write_str(logs)?;
    f.write_str(match (logs.is_empty(), adds.contains(&"live-restore")) {
        (false, true) => ", and keep containers running while Docker restarts",
        (true, true) => "keep containers running while Docker restarts",
        (false, false) => "",
        (true, false) => "have Docker take its settings",
    })?;
    f.write_str(match apply {
        Apply::AtStart => "",
        Apply::Reload => " (Docker reloads)",
        Apply::Restart => " (Docker restarts; no container runs)",
        Apply::ReloadThenRestart => " (Docker restarts; containers keep running)",
        Apply::NotNow => " (from Docker's next restart on: now it would stop containers)",
    })
}

fn run_proxy(f: &mut fmt::Formatter<'_>, version: &str, replaces: &Replaces) -> fmt::Result {
    match replaces {
        Replaces::Nothing => write!(f, "start ship-proxy {version} on ports 80 and 443"),
        Replaces::Stopped => write!(f, "start ship-proxy {version}, which is there and does not run"),
        Replaces::Silent => write!(f, "restart ship-proxy {version}, which does not answer"),
        Replaces::Version(old) if old == version => write!(f, "replace ship-proxy {version}, which was made otherwise"),
        Replaces::Version(old) => write!(f, "replace ship-proxy {old} with {version}"),
        Replaces::Unknown => write!(f, "replace the container ship-proxy, which ship did not make, with {version}"),
    }
}
