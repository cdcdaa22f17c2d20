//! A release: one immutable, numbered set of image, roles, environment, secrets, volumes and routes. What is written
//! here is written once to each host and is all that a rollback needs, so nothing in it may point back to a laptop.
//!
//! The types that describe what runs ([`Spec`], [`Role`], [`Health`] …) are also what the configuration resolves to,
//! so that a key of `ship.toml` has one meaning from the file to the container.

pub mod history;
pub mod ledger;
pub mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::name::{Digest, HostName, ReleaseNumber, RoleName, Scope, VolumeName};

/// One release as it is recorded on each host in `releases/r42/release.json`. Secrets are beside it, not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// The number; one above the highest that any host of the app remembers.
    pub number: ReleaseNumber,
    /// App and environment.
    pub scope: Scope,
    /// What its containers are made from.
    pub image: Image,
    /// Where the image came from.
    pub source: Source,
    /// What runs.
    pub spec: Spec,
    /// The names of its secrets; the values are in the file `secrets` beside the record.
    pub secret_names: Vec<String>,
}

/// An image as a host must have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The tag under which the host keeps it: `blog-production:r42`.
    pub reference: String,
    /// Digest of the image's configuration (OCI image specification): the same in every kind of image store,
    /// unlike the image ID.
    pub digest: Digest,
    /// The layers' diff IDs, lowest first: digests of the uncompressed tars.
    pub layers: Vec<Digest>,
    /// `linux/amd64`, as `docker build --platform` takes it.
    pub platform: String,
    /// Ports of EXPOSE, in the order of the image's configuration; only TCP.
    pub exposed: Vec<u16>,
    /// The image's user (`USER`), empty for root: a new volume gets its ownership.
    pub user: String,
}

/// Where a release came from: what a person asks for in `ship releases`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Full commit hash of HEAD, if the directory is a git repository with a commit.
    pub commit: Option<String>,
    /// First line of the commit's message.
    pub subject: Option<String>,
    /// The branch, if HEAD is on one.
    pub branch: Option<String>,
    /// The working tree had uncommitted changes; they are part of the release, because the working tree is built.
    pub dirty: bool,
    /// Who deployed: `ana@laptop`.
    pub by: String,
}

/// What runs, wherever it came from: configuration or record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Roles by name. The primary role is the one that `proxy` routes to, else the first by name.
    pub roles: BTreeMap<RoleName, Role>,
    /// Plain environment, the same for all roles.
    pub env: BTreeMap<String, String>,
    /// What is mounted into each container.
    pub volumes: Vec<Mount>,
    /// Runs once per deploy, in the new image, before any traffic. `None`: nothing to run.
    pub release_command: Option<Vec<String>>,
    /// Runs for `ship console`.
    pub console_command: Option<Vec<String>>,
    /// How requests reach the primary role; `None` for an app without one (only workers).
    pub routes: Option<Routes>,
    /// How many releases a host keeps for rollback beside the live one.
    pub keep: u32,
}

impl Spec {
    /// The role that takes the requests, else the first by name: where `ship exec` goes if it is not told.
    pub fn primary(&self) -> Option<&RoleName> {
        self.routes.as_ref().map(|routes| &routes.role).or_else(|| self.roles.keys().next())
    }
}

/// A kind of process of the app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Replaces the image's CMD; `None` keeps it.
    pub command: Option<Vec<String>>,
    /// The hosts that run it, as named in `ship.toml`.
    pub hosts: Vec<HostName>,
    /// How many containers on each of its hosts.
    pub replicas: u16,
    /// The port that the process listens on inside its container; `None` where the image's EXPOSE decides, and for
    /// roles without requests.
    pub port: Option<u16>,
    /// Plain environment of this role alone; wins over [`Spec::env`].
    pub env: BTreeMap<String, String>,
    /// When it counts as healthy.
    pub health: Health,
    /// Memory limit in bytes.
    pub memory: Option<u64>,
    /// CPU limit in thousandths of a CPU.
    pub millicpus: Option<u32>,
    /// `SIGTERM`, `SIGQUIT` …; `None` keeps the image's STOPSIGNAL.
    pub stop_signal: Option<String>,
    /// How long a container may take to stop before it is killed.
    #[serde(with = "millis")]
    pub stop_timeout: Duration,
    /// `user` or `uid:gid` to run as; `None` keeps the image's USER.
    pub user: Option<String>,
}

/// When a container counts as healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Health {
    /// It answers GET on `path` with a status from 200 to 299. A redirect is not followed: it says where it leads.
    Http {
        /// Path and query, beginning with a slash.
        path: String,
        /// The longest pause between two tries; the first ones follow each other faster.
        #[serde(with = "millis")]
        interval: Duration,
        /// How long one try may take.
        #[serde(with = "millis")]
        timeout: Duration,
        /// How long the container has in all, from its start.
        #[serde(with = "millis")]
        deadline: Duration,
    },
    /// The command exits with 0 inside the container.
    Command {
        /// Program and arguments.
        command: Vec<String>,
        /// The pause between two tries.
        #[serde(with = "millis")]
        interval: Duration,
        /// How long the container has in all.
        #[serde(with = "millis")]
        deadline: Duration,
    },
    /// It has stayed up this long without exiting or restarting.
    StaysUp {
        /// How long.
        #[serde(rename = "for", with = "millis")]
        span: Duration,
    },
}

/// Something mounted into every container of the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// Absolute path inside the container.
    pub target: String,
    /// Mounted read-only.
    pub read_only: bool,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountSource {
    /// A named volume; on the host `blog-production-storage`. It survives every release.
    Volume(VolumeName),
    /// A directory of the host, by absolute path.
    Directory(String),
}

/// How requests reach the app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routes {
    /// The role whose replicas answer.
    pub role: RoleName,
    /// Host names, lower case; `*.example.com` for one level; empty: every name that no other app has.
    pub domains: Vec<String>,
    /// Path prefix, `/` for all.
    pub path_prefix: String,
    /// Whether the prefix is taken off before the app sees the request.
    pub strip_prefix: bool,
    /// TLS.
    pub tls: Tls,
    /// How long requests in flight, websockets and event streams on the old release may go on after a switch.
    #[serde(with = "millis")]
    pub drain: Duration,
    /// How long the app may take until the first byte of an answer.
    #[serde(with = "millis")]
    pub response_timeout: Duration,
}

/// Where TLS ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Plain HTTP only.
    Off,
    /// A certificate that the user has: its chain in PEM. The key is the secret [`TLS_KEY`], not part of the record.
    Given {
        /// Leaf first.
        certificate: String,
    },
}

/// The name under which a given certificate's private key is kept among a release's secrets. It is not a legal name
/// of an environment variable, so it never collides with one and never reaches a container.
pub const TLS_KEY: &str = "tls/key.pem";

/// The values of a release's secrets by name. Neither printed nor serialized: `remote` writes them to the host by hand.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, Zeroizing<String>>);

impl Secrets {
    /// No secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; a later value replaces an earlier one.
    pub fn insert(&mut self, name: String, value: String) {
        self.0.insert(name, Zeroizing::new(value));
    }

    /// One value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str())
    }

    /// Names and values in order of the names. Only edges call this.
    pub fn reveal(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The names in order.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Durations in records are whole milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
