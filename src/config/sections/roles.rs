//! `[roles]`: the kinds of processes, where each runs and with what.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{env, health};
use crate::config::SecretSource;
use crate::config::elements::{command, cpus, duration, memory, number, signal, text};
use crate::config::reader::{Complaint, Table, Value, did_you_mean};
use crate::name::{HostName, RoleName};
use crate::release::{Health, Role};

/// The role of an app that names none, and the one that takes the requests unless `proxy.role` says otherwise.
pub(crate) const WEB: &str = "web";

/// What Docker waits too.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// What roles refer to.
pub(crate) struct Around<'p> {
    pub(crate) hosts: &'p [HostName],
    pub(crate) secrets: &'p BTreeMap<String, SecretSource>,
    pub(crate) takes_requests: Option<&'p RoleName>,
}

/// The names alone, which the proxy has to know before the roles are read; `web` if there is no role.
pub(crate) fn names(root: &Table<'_>) -> BTreeSet<RoleName> {
    let Some(roles) = root.get("roles") else { return WEB.parse().into_iter().collect() };
    let entries = roles.table().into_iter().flat_map(|table| table.entries());
    entries.filter_map(|entry| text::parse_name(&entry.key).ok()).collect()
}

/// All roles that have a container. One with no replicas is left out: an environment cannot take away a table that is
/// there for all of them.
pub(crate) fn read(root: &Table<'_>, around: &Around<'_>) -> BTreeMap<RoleName, Role> {
    let Some(table) = root.table("roles") else {
        return WEB.parse().into_iter().map(|name| (name, of_the_image(around.hosts))).collect();
    };
    if table.entries().next().is_none() {
        table.complain(Complaint::new("there is no role").hint("write [roles.web], or leave [roles] out for that one"));
    }
    table.entries().filter_map(|entry| role(&entry, around)).filter(|(_, role)| role.replicas > 0).collect()
}

/// A role of which nothing was said.
fn of_the_image(hosts: &[HostName]) -> Role {
    Role {
        command: None,
        hosts: hosts.to_vec(),
        replicas: 1,
        port: None,
        env: BTreeMap::new(),
        health: health::http(None),
        memory: None,
        millicpus: None,
        stop_signal: None,
        stop_timeout: STOP_TIMEOUT,
        user: None,
    }
}

fn role(entry: &Value<'_>, around: &Around<'_>) -> Option<(RoleName, Role)> {
    let name = text::parse_name::<RoleName>(&entry.key).map_err(|complaint| entry.complain_of_key(complaint));
    let table = entry.expect_table()?;
    let takes_requests = around.takes_requests.is_some_and(|role| role.as_str() == entry.key);
    let health = health::read(&table, takes_requests);
    let role = Role {
        command: table.read("command", command::command),
        hosts: hosts(&table, around.hosts),
        replicas: replicas(&table, takes_requests),
        // A name that cannot be is complained of already; what follows from it would only distract.
        port: port(&table, takes_requests || name.is_err() || matches!(health, Health::Http { .. })),
        env: env::read(&table, around.secrets),
        health,
        memory: table.read("memory", memory::memory),
        millicpus: table.read("cpus", cpus::millicpus),
        stop_signal: table.read("stop_signal", signal::signal),
        stop_timeout: table.read("stop_timeout", duration::any).unwrap_or(STOP_TIMEOUT),
        user: table.read("user", user),
    };
    Some((name.ok()?, role))
}

/// All hosts unless some are named.
fn hosts(table: &Table<'_>, all: &[HostName]) -> Vec<HostName> {
    let Some(value) = table.get("hosts") else { return all.to_vec() };
    let Some(items) = value.items() else {
        let hint = value.text().map(|host| format!("write hosts = [\"{host}\"]"));
        value.complain(Complaint::expected("an array of host names", &value).maybe_hint(hint));
        return Vec::new();
    };
    if items.is_empty() {
        let hint = "leave it out for all hosts, or write replicas = 0 for none";
        value.complain(Complaint::new("expected at least one host").hint(hint));
    }
    let mut hosts: Vec<HostName> = Vec::new();
    for item in &items {
        let Some(name) = item.read(|item| known_host(item, all)) else { continue };
        if hosts.contains(&name) {
            item.complain(Complaint::new(format!("`{name}` is named twice")));
        } else {
            hosts.push(name);
        }
    }
    hosts
}

fn known_host(item: &Value<'_>, all: &[HostName]) -> Result<HostName, Complaint> {
    let text = item.text().ok_or_else(|| Complaint::expected("the name of a host", item))?;
    all.iter().find(|host| host.as_str() == text).cloned().ok_or_else(|| {
        let hint = did_you_mean(text, all.iter().map(HostName::as_str));
        Complaint::new(format!("there is no host `{text}` under [hosts]")).maybe_hint(hint)
    })
}

fn replicas(table: &Table<'_>, takes_requests: bool) -> u16 {
    let replicas = table.read("replicas", number::whole(0, 100)).unwrap_or(1);
    if let Some(value) = table.get("replicas").filter(|_| replicas == 0 && takes_requests) {
        value.complain(Complaint::new("the role that takes the requests needs at least one container"));
    }
    replicas
}

fn port(table: &Table<'_>, is_asked: bool) -> Option<u16> {
    let port = table.read("port", number::whole(1, u16::MAX));
    if let Some(value) = table.get("port").filter(|_| !is_asked) {
        let hint = "name the role with `role` under [proxy], or remove the port";
        value.complain_of_key(Complaint::new("nothing asks this port, as the role takes no requests").hint(hint));
    }
    port
}

/// `user`, `uid` or `uid:gid`, as Docker takes it.
fn user(value: &Value<'_>) -> Result<String, Complaint> {
    let user = text::word(value)?;
    let legal = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if user.split(':').count() <= 2 && user.split(':').all(legal) {
        return Ok(user);
    }
    Err(Complaint::new(format!("`{user}` is not a user such as \"rails\" or \"1000:1000\"")))
}
