//! The releases of a fleet, rolled up from what each host remembers. Hosts that disagree are shown as they are; nothing
//! is averaged.

use std::collections::BTreeMap;
use std::time::Duration;

use super::moment;
use crate::name::{HostName, ReleaseNumber};
use crate::release::Source;
use crate::release::history::{History, Past};
use crate::release::state::State;

/// What the hosts remember.
#[derive(Debug, Clone, PartialEq)]
pub struct Releases {
    /// Newest first.
    pub rows: Vec<Row>,
    /// Hosts whose account could not be had, with the reason.
    pub silent: Vec<(HostName, String)>,
}

/// One release on all hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its number.
    pub number: ReleaseNumber,
    /// Its state.
    pub state: RolledUp,
    /// When it was planned (RFC 3339), on the host that planned it first.
    pub planned_at: String,
    /// When it last took the traffic, on the first host.
    pub live_at: Option<String>,
    /// How long it was live, or has been.
    pub live_for: Option<Duration>,
    /// Who deployed it.
    pub by: String,
    /// Where it came from.
    pub source: Source,
    /// Why it failed, with the hosts that say so.
    pub why: Vec<(String, Vec<HostName>)>,
}

/// The state of a release on a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolledUp {
    /// The same on every host that knows it.
    Uniform(State),
    /// Not the same.
    Mixed(BTreeMap<HostName, State>),
}

impl RolledUp {
    /// The state, or `mixed`.
    pub fn word(&self) -> String {
        match self {
            Self::Uniform(state) => state.to_string(),
            Self::Mixed(_) => "mixed".to_owned(),
        }
    }

    /// Which host says what: `live on web-1, retired on web-2`; `None` where all agree.
    pub fn details(&self) -> Option<String> {
        let Self::Mixed(states) = self else { return None };
        let part = |state: &State| {
            let hosts: Vec<_> =
                states.iter().filter(|(_, known)| *known == state).map(|(host, _)| host.as_str()).collect();
            (!hosts.is_empty()).then(|| format!("{state} on {}", hosts.join(", ")))
        };
        Some(State::ALL.iter().filter_map(part).collect::<Vec<_>>().join("; "))
    }
}

/// Rolls up what the hosts remember; `now` is RFC 3339. A host without an account gives the reason instead.
pub fn roll_up(hosts: &BTreeMap<HostName, Result<&History, String>>, now: &str) -> Releases {
    let mut known: BTreeMap<ReleaseNumber, BTreeMap<&HostName, &Past>> = BTreeMap::new();
    let mut silent = Vec::new();
    for (host, history) in hosts {
        match history {
            Ok(history) => {
                for (number, past) in &history.releases {
                    known.entry(*number).or_default().insert(host, past);
                }
            }
            Err(reason) => silent.push((host.clone(), reason.clone())),
        }
    }
    let rows = known.iter().rev().filter_map(|(number, pasts)| row(*number, pasts, now)).collect();
    Releases { rows, silent }
}

fn row(number: ReleaseNumber, pasts: &BTreeMap<&HostName, &Past>, now: &str) -> Option<Row> {
    let first = pasts.values().min_by(|a, b| a.planned_at.cmp(&b.planned_at))?;
    let live_at = pasts.values().filter_map(|past| past.live_at.as_ref()).min();
    let state = if pasts.values().all(|past| past.state == first.state) {
        RolledUp::Uniform(first.state)
    } else {
        RolledUp::Mixed(pasts.iter().map(|(host, past)| ((*host).clone(), past.state)).collect())
    };
    Some(Row {
        number,
        state,
        planned_at: first.planned_at.clone(),
        live_at: live_at.cloned(),
        live_for: pasts.values().filter_map(|past| live_for(past, now)).max(),
        by: first.by.clone(),
        source: first.source.clone(),
        why: whys(pasts),
    })
}

fn live_for(past: &Past, now: &str) -> Option<Duration> {
    let until = past.ended_at.as_deref().or_else(|| (past.state == State::Live).then_some(now))?;
    moment::between(past.live_at.as_deref()?, until)
}

/// The reasons of hosts on which it failed; the same reason is said once.
fn whys(pasts: &BTreeMap<&HostName, &Past>) -> Vec<(String, Vec<HostName>)> {
    let mut whys: Vec<(String, Vec<HostName>)> = Vec::new();
    for (host, past) in pasts {
        let Some(why) = &past.why else { continue };
        match whys.iter_mut().find(|(known, _)| known == why) {
            Some((_, hosts)) => hosts.push((*host).clone()),
            None => whys.push((why.clone(), vec![(*host).clone()])),
        }
    }
    whys
}
