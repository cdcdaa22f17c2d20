//! What stops setup before it changed anything. All that is found is said at once.

use super::facts::Listener;

/// Why a server cannot be set up as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Neither Debian nor Ubuntu, or too old.
    #[error("{found} is not supported: setup knows Debian from 11 and Ubuntu from 20.04 on")]
    System {
        /// What the server calls itself.
        found: String,
    },
    /// systemd is not the init.
    #[error("{found} does not run systemd, which is to start Docker")]
    NoSystemd {
        /// What the server calls itself.
        found: String,
    },
    /// The account may not become root.
    #[error("{login} is not root and may not use sudo without a password")]
    NoRoot {
        /// The account.
        login: String,
    },
    /// A Docker that is too old.
    #[error("Docker {version} is installed, and ship needs 20.10 or newer; it is left as it is")]
    OldDocker {
        /// Its version.
        version: String,
        /// The package that it came from.
        package: Option<String>,
    },
    /// A Docker that cannot be configured as a service.
    #[error("the `docker` of this server is {what}, which ship cannot set up; it is left as it is")]
    ForeignDocker {
        /// What it is.
        what: String,
    },
    /// Docker's settings cannot be merged with.
    #[error("{path} is not valid, and is left as it is: {why}")]
    Settings {
        /// The file.
        path: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Another program has a port that ship-proxy needs.
    #[error("port {} is taken by {}", .0.port, holder(.0))]
    PortTaken(Listener),
    /// Too little room for Docker.
    #[error("{} MB are free on the disk, and Docker with ship-proxy needs {} MB", .free / 1_000_000, .needed / 1_000_000)]
    DiskFull {
        /// Free bytes.
        free: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// Nobody could log in as the deploy user.
    #[error("no public key is known that could log in as {user}")]
    NoKey {
        /// The deploy user.
        user: String,
    },
}

fn holder(listener: &Listener) -> String {
    if let Some(container) = &listener.container {
        return format!("the container {container}");
    }
    match (&listener.process, listener.pid) {
        (Some(process), Some(pid)) => format!("{process} (pid {pid})"),
        (Some(process), None) => process.clone(),
        _ => "another program".to_owned(),
    }
}

impl crate::diagnostic::Hint for Problem {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoRoot { login } => vec![
                "ship setup --as root".to_owned(),
                format!("on the server, as root: echo '{login} ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/{login}"),
            ],
            Self::OldDocker { package, .. } => {
                let package = package.as_deref().unwrap_or("docker.io");
                vec![format!(
                    "on the server: apt-get install --only-upgrade {package} (or remove it, and setup installs docker.io)"
                )]
            }
            Self::ForeignDocker { what } if what == "a snap" => {
                vec!["on the server: snap remove docker (deletes its containers), then: ship setup".to_owned()]
            }
            Self::ForeignDocker { what } if what == "podman" => {
                vec!["on the server: apt-get remove podman-docker, then: ship setup".to_owned()]
            }
            Self::System { .. } | Self::NoSystemd { .. } | Self::ForeignDocker { .. } => Vec::new(),
            Self::Settings { path, .. } => vec![format!("on the server: correct {path}, then: ship setup")],
            Self::PortTaken(listener) => port_hints(listener),
            Self::DiskFull { .. } => vec!["on the server: df -h; apt-get clean".to_owned()],
            Self::NoKey { .. } => vec!["ssh-keygen -t ed25519".to_owned()],
        }
    }
}

/// Stopping it comes first; who needs it behind ship-proxy can move it to another port.
fn port_hints(listener: &Listener) -> Vec<String> {
    if let Some(container) = &listener.container {
        return vec![format!("on the server: docker stop {container} (or publish it on another port)")];
    }
    let port = listener.port;
    let moving = |file: &str| format!("or move it: change port {port} in {file} and restart it");
    let stop = match (&listener.unit, listener.pid) {
        (Some(unit), _) if unit == "docker.service" => {
            format!("on the server: docker ps --filter publish={port} (says which container to stop)")
        }
        (Some(unit), _) => format!("on the server: systemctl disable --now {}", unit.trim_end_matches(".service")),
        (None, Some(pid)) => format!("on the server: kill {pid}"),
        (None, None) => format!("on the server, as root: ss -ltnp 'sport = :{port}' (says which)"),
    };
    match listener.process.as_deref() {
        Some("nginx") => vec![stop, moving("/etc/nginx/sites-enabled/*")],
        Some("apache2") => vec![stop, moving("/etc/apache2/ports.conf and /etc/apache2/sites-enabled/*")],
        Some("caddy") => vec![stop, moving("/etc/caddy/Caddyfile")],
        _ => vec![stop],
    }
}
