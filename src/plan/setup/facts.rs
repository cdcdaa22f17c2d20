//! A server as `ship setup` finds it: one look, everything that the plan depends on. What could not be seen without
//! root is the value that lets the plan ask for root.

use std::collections::BTreeMap;

/// Everything that is looked at before anything is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// The account that ship logged in with.
    pub login: String,
    /// That account is root or may use sudo without a password.
    pub privileged: bool,
    /// The operating system.
    pub system: System,
    /// Bytes that are free on the root file system.
    pub disk_free: u64,
    /// Who is using apt or dpkg now: `unattended-upgr (pid 812)`.
    pub apt_held_by: Option<String>,
    /// The container engine.
    pub docker: Docker,
    /// `/etc/docker/daemon.json`.
    pub settings: Settings,
    /// An earlier setup wrote the settings and did not live to see Docker take them.
    pub settings_pending: bool,
    /// The deploy user, if there is such an account.
    pub account: Option<Account>,
    /// The account of ship-proxy that [`super::PROXY_ACCOUNT`] names is there.
    pub proxy_account: bool,
    /// The lines of `authorized_keys` of the account that ship logged in with.
    pub login_keys: Vec<String>,
    /// `/var/lib/ship`
    pub state: Option<Directory>,
    /// `/var/lib/ship/proxy`
    pub proxy_state: Option<Directory>,
    /// References of ship-proxy's images with the engine's IDs of them.
    pub proxy_images: BTreeMap<String, String>,
    /// The container that is called ship-proxy.
    pub proxy: Option<ProxyFacts>,
    /// What listens on the ports that ship-proxy needs.
    pub listeners: Vec<Listener>,
}

/// The operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// `debian`, as `ID` in os-release.
    pub id: String,
    /// `12`, as `VERSION_ID` in os-release; Debian testing and unstable have none.
    pub version: Option<String>,
    /// `Debian GNU/Linux 12 (bookworm)`
    pub name: String,
    /// `x86_64`, as `uname -m` says.
    pub machine: String,
    /// systemd is the init.
    pub systemd: bool,
    /// The kernel has `AppArmor` on, and its tools are not installed: Docker could start no container.
    pub lacks_apparmor_tools: bool,
}

/// The container engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Docker {
    /// None.
    Missing,
    /// Something that answers to the name, but that setup cannot take care of: `a snap`, `podman-docker`.
    Foreign(String),
    /// Docker Engine, as a systemd service.
    Installed(Engine),
}

/// An installed Docker Engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each read by one rule")]
pub struct Engine {
    /// `20.10.24+dfsg1`
    pub version: String,
    /// The Debian package that it came from: `docker.io`, `docker-ce`.
    pub package: Option<String>,
    /// The `docker` command is there.
    pub client: bool,
    /// It starts at boot.
    pub enabled: bool,
    /// It answers.
    pub running: bool,
    /// It keeps containers running while it is restarted.
    pub live_restore: bool,
    /// It is part of a swarm, which rules live-restore out.
    pub swarm: bool,
    /// Containers that run now.
    pub containers_running: u32,
}

/// A configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settings {
    /// There is none.
    Missing,
    /// Its text.
    Text(String),
    /// It is there, and the account may not read it.
    Unreadable,
}

/// The deploy user's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// It is in the group that may use Docker.
    pub in_docker_group: bool,
    /// The lines of its `authorized_keys`.
    pub keys: Vec<String>,
    /// Owner and mode of `.ssh` and `authorized_keys` are such that sshd takes them.
    pub keys_usable: bool,
}

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// The name of its owner.
    pub owner: String,
    /// Its permission bits.
    pub mode: u32,
}

/// The container that is called ship-proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyFacts {
    /// It runs.
    pub running: bool,
    /// ship-proxy's version by its label; `None` if ship did not make the container.
    pub version: Option<String>,
    /// What it was made from, by its label; see [`super::ProxySpec::made`].
    pub made: Option<String>,
    /// The version that answered at the control socket.
    pub answers: Option<String>,
}

/// Something that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// TCP port.
    pub port: u16,
    /// It belongs to ship-proxy's container.
    pub ours: bool,
    /// `nginx`; unknown to an account without root.
    pub process: Option<String>,
    /// Its process ID.
    pub pid: Option<u32>,
    /// The systemd service that started it: `nginx.service`.
    pub unit: Option<String>,
    /// The container that publishes the port or that it runs in.
    pub container: Option<String>,
}
