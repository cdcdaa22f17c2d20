//! `ship status --json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::VERSION;
use crate::name::ReleaseNumber;
use crate::ui::status_model::{Disagreement, HostStatus, Known, Status};
use crate::ui::status_view::counts;

#[derive(Serialize)]
struct Shape<'a> {
    v: u32,
    app: &'a str,
    environment: &'a str,
    agrees: bool,
    hosts: BTreeMap<&'a str, Host<'a>>,
    disagreements: Vec<Wrong<'a>>,
}

#[derive(Serialize)]
struct Host<'a> {
    meant: Option<String>,
    roles: BTreeMap<&'a str, Role>,
    route: Option<Route>,
    disagreements: Vec<Wrong<'a>>,
}

#[derive(Serialize)]
struct Role {
    meant_release: Option<String>,
    meant_replicas: u16,
    /// By release, then by what they do.
    containers: BTreeMap<String, BTreeMap<&'static str, usize>>,
}

#[derive(Serialize)]
struct Route {
    meant: Option<String>,
    is: Option<String>,
    healthy_targets: usize,
    targets: usize,
    on_probation_from: Option<String>,
}

#[derive(Serialize)]
struct Wrong<'a> {
    what: &'a str,
    hint: &'a str,
}

/// The status as an object, with its end.
pub fn text(status: &Status) -> String {
    super::pretty(&Shape {
        v: VERSION,
        app: status.scope.app.as_str(),
        environment: status.scope.environment.as_str(),
        agrees: status.agrees(),
        hosts: status.hosts.iter().map(|(name, status)| (name.as_str(), host(status))).collect(),
        disagreements: wrongs(&status.fleet),
    })
}

fn host(status: &HostStatus) -> Host<'_> {
    let roles = status.roles.iter().map(|(name, role)| {
        let (meant_release, meant_replicas) = match role.meant {
            Known::Is((number, replicas)) => (text_of(Known::Is(number)), replicas),
            Known::Nothing => (None, 0),
            Known::Unknown => (text_of(Known::Unknown), 0),
        };
        (name.as_str(), Role { meant_release, meant_replicas, containers: counts(role) })
    });
    let route = status.route.as_ref().map(|route| Route {
        meant: text_of(route.meant),
        is: text_of(route.is),
        healthy_targets: route.healthy.0,
        targets: route.healthy.1,
        on_probation_from: route.on_probation_from.map(|number| number.to_string()),
    });
    Host { meant: text_of(status.meant), roles: roles.collect(), route, disagreements: wrongs(&status.disagreements) }
}

/// A release, `unknown`, or null for none.
fn text_of(known: Known<ReleaseNumber>) -> Option<String> {
    match known {
        Known::Unknown => Some("unknown".to_owned()),
        Known::Nothing => None,
        Known::Is(number) => Some(number.to_string()),
    }
}

fn wrongs(all: &[Disagreement]) -> Vec<Wrong<'_>> {
    all.iter().map(|Disagreement { what, hint }| Wrong { what, hint }).collect()
}
