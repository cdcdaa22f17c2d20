//! `ship releases --json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::VERSION;
use crate::name::HostName;
use crate::ui::releases_model::{Releases, RolledUp, Row};

#[derive(Serialize)]
struct Shape<'a> {
    v: u32,
    releases: Vec<One<'a>>,
    unknown_hosts: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct One<'a> {
    release: String,
    /// A state, or `mixed`.
    state: String,
    /// Only where the hosts differ.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    states: BTreeMap<&'a str, String>,
    planned_at: &'a str,
    live_at: Option<&'a str>,
    live_seconds: Option<u64>,
    by: &'a str,
    commit: Option<&'a str>,
    branch: Option<&'a str>,
    subject: Option<&'a str>,
    dirty: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<Failure<'a>>,
}

#[derive(Serialize)]
struct Failure<'a> {
    why: &'a str,
    hosts: Vec<&'a str>,
}

/// The releases as an object, with its end.
pub fn text(releases: &Releases) -> String {
    super::pretty(&Shape {
        v: VERSION,
        releases: releases.rows.iter().map(one).collect(),
        unknown_hosts: releases.silent.iter().map(|(host, reason)| (host.as_str(), reason.as_str())).collect(),
    })
}

fn one(row: &Row) -> One<'_> {
    let states = match &row.state {
        RolledUp::Uniform(_) => BTreeMap::new(),
        RolledUp::Mixed(states) => states.iter().map(|(host, state)| (host.as_str(), state.to_string())).collect(),
    };
    One {
        release: row.number.to_string(),
        state: row.state.word(),
        states,
        planned_at: &row.planned_at,
        live_at: row.live_at.as_deref(),
        live_seconds: row.live_for.map(|span| span.as_secs()),
        by: &row.by,
        commit: row.source.commit.as_deref(),
        branch: row.source.branch.as_deref(),
        subject: row.source.subject.as_deref(),
        dirty: row.source.dirty,
        failures: row.why.iter().map(|(why, hosts)| Failure { why, hosts: names(hosts) }).collect(),
    }
}

fn names(hosts: &[HostName]) -> Vec<&str> {
    hosts.iter().map(HostName::as_str).collect()
}
