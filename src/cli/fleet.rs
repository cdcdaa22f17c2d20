//! Connections to the hosts of an app: all at once, and either all or, for commands that only look, as many as answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::config;
use crate::diagnostic::{Exit, Failure};
use crate::name::HostName;
use crate::ports::{PortError, PortErrorKind, PortResult, World};

use super::edges::{Edges, Remote, Traffic};

/// The hosts that are connected.
pub(super) struct Fleet {
    pub(super) remotes: BTreeMap<HostName, Remote>,
    edges: Arc<dyn Edges>,
}

/// The hosts that the user named, all of them if none was.
pub(super) fn chosen(
    hosts: &BTreeMap<HostName, config::Host>,
    named: &[HostName],
) -> Result<BTreeMap<HostName, config::Host>, Failure> {
    for name in named {
        if !hosts.contains_key(name) {
            let known: Vec<&str> = hosts.keys().map(HostName::as_str).collect();
            return Err(Failure::new(Exit::Usage, format!("there is no host `{name}` in ship.toml"))
                .hint(format!("the hosts are {}", known.join(", "))));
        }
    }
    Ok(hosts
        .iter()
        .filter(|(name, _)| named.is_empty() || named.contains(name))
        .map(|(name, host)| (name.clone(), host.clone()))
        .collect())
}

impl Fleet {
    /// Connects to all hosts, or says which ones do not answer.
    pub(super) async fn connect(
        edges: &Arc<dyn Edges>,
        hosts: &BTreeMap<HostName, config::Host>,
    ) -> Result<Self, Failure> {
        let (fleet, missing) = Self::connect_some(edges, hosts).await;
        let mut missing = missing.into_iter();
        let Some((_, first)) = missing.next() else { return Ok(fleet) };
        let mut failure = from_port(Exit::Unchanged, &first);
        for (name, error) in missing {
            failure.output.push(format!("{name} | {}", error.one_line()));
        }
        failure.state.push("nothing was changed on any host".to_owned());
        if hosts.len() > 1 {
            let up: Vec<String> = fleet.remotes.keys().map(|name| format!("--host {name}")).collect();
            if !up.is_empty() {
                failure.hints.push(format!("only the hosts that answer: {}", up.join(" ")));
            }
        }
        Err(failure)
    }

    /// Connects to as many hosts as answer.
    pub(super) async fn connect_some(
        edges: &Arc<dyn Edges>,
        hosts: &BTreeMap<HostName, config::Host>,
    ) -> (Self, BTreeMap<HostName, PortError>) {
        let tries = hosts.iter().map(|(name, host)| async move { (name.clone(), edges.connect(name, host).await) });
        let mut remotes = BTreeMap::new();
        let mut missing = BTreeMap::new();
        for (name, tried) in join_all(tries).await {
            match tried {
                Ok(remote) => {
                    remotes.insert(name, remote);
                }
                Err(error) => {
                    missing.insert(name, error);
                }
            }
        }
        (Self { remotes, edges: Arc::clone(edges) }, missing)
    }

    /// The ports, for the effects.
    pub(super) fn world(&self) -> World {
        let hosts = self.remotes.iter().map(|(name, remote)| (name.clone(), remote.host.clone())).collect();
        World { hosts, clock: self.edges.clock() }
    }

    /// What travelled to and from each host.
    pub(super) fn traffic(&self) -> BTreeMap<HostName, Traffic> {
        self.remotes.iter().map(|(name, remote)| (name.clone(), remote.meter.traffic())).collect()
    }
}

/// A failure at the edge, as the user reads it.
pub(super) fn from_port(exit: Exit, error: &PortError) -> Failure {
    let lost = error.kind == PortErrorKind::Lost;
    let mut failure = Failure { hints: error.hints.clone(), ..Failure::from_error(exit, error) };
    if lost && failure.hints.is_empty() {
        failure.hints.push("ship status".to_owned());
    }
    failure
}

/// Splits what was looked at into what answered and why the rest did not.
pub(super) fn split<T>(
    looked: BTreeMap<HostName, PortResult<T>>,
) -> (BTreeMap<HostName, T>, BTreeMap<HostName, PortError>) {
    let mut seen = BTreeMap::new();
    let mut missing = BTreeMap::new();
    for (name, result) in looked {
        match result {
            Ok(value) => {
                seen.insert(name, value);
            }
            Err(error) => {
                missing.insert(name, error);
            }
        }
    }
    (seen, missing)
}
