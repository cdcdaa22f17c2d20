//! `ship status` for people: what was meant and what is, side by side, then what does not agree.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::status_model::{Disagreement, HostStatus, Known, RoleStatus, RouteStatus, Status};
use super::style::{Style, Tone};
use super::table::{Row, Table};
use crate::inventory::Status as Doing;
use crate::name::ReleaseNumber;

/// The status as text that ends with a newline.
pub fn text(status: &Status, style: Style, width: Option<usize>) -> String {
    let (tone, verdict) = if status.agrees() {
        (Tone::Good, "all is as it was meant to be")
    } else {
        (Tone::Bad, "not all is as it was meant to be")
    };
    let title = format!("{} in {}: ", status.scope.app, status.scope.environment);
    let mut text = format!("{}{}\n\n", style.paint(Tone::Strong, &title), style.paint(tone, verdict));
    let mut table = Table::new(&["host", "role", "meant", "is"]);
    for (name, host) in &status.hosts {
        for row in rows(name.as_str(), host) {
            table.push(row);
        }
    }
    text.push_str(&table.text(style, width));
    let all = status.fleet.iter().map(|one| (None, one));
    let hosts = status.hosts.iter();
    let all = all.chain(hosts.flat_map(|(name, host)| host.disagreements.iter().map(move |one| (Some(name), one))));
    for (index, (host, Disagreement { what, hint })) in all.enumerate() {
        text.push_str(if index == 0 { "\n" } else { "" });
        let whose = host.map_or_else(String::new, |host| format!("{} ", style.paint(Tone::Name, &format!("{host}:"))));
        let _ = writeln!(text, "{whose}{what}\n  {} {hint}", style.paint(Tone::Name, "hint:"));
    }
    text
}

fn rows(name: &str, host: &HostStatus) -> Vec<Row> {
    let mut rows = Vec::new();
    for (role, status) in &host.roles {
        let is = is(status);
        let tone = if is == healthy(status) { Tone::Good } else { Tone::Bad };
        rows.push(row(name).cell(role.as_str()).cell(meant(status)).toned(tone, is));
    }
    if let Some(route) = &host.route {
        let fine = route.meant == route.is && route.healthy.0 == route.healthy.1 && route.on_probation_from.is_none();
        let tone = if fine { Tone::Good } else { Tone::Bad };
        rows.push(
            row(name)
                .cell("(route)")
                .cell(in_words(route.meant, |number| number.to_string()))
                .toned(tone, route_is(route)),
        );
    }
    if rows.is_empty() {
        let meant = in_words(host.meant, |number| number.to_string());
        let is = if host.meant == Known::Unknown { NOT_KNOWN } else { NOTHING };
        rows.push(row(name).cell("-").cell(meant).toned(Tone::Bad, is));
    }
    rows
}

fn row(host: &str) -> Row {
    Row::new().toned(Tone::Name, host)
}

const NOTHING: &str = "nothing";
const NOT_KNOWN: &str = "not known";

fn in_words<T>(known: Known<T>, words: impl FnOnce(T) -> String) -> String {
    match known {
        Known::Unknown => NOT_KNOWN.to_owned(),
        Known::Nothing => NOTHING.to_owned(),
        Known::Is(value) => words(value),
    }
}

/// `2 of r43`
fn meant(role: &RoleStatus) -> String {
    in_words(role.meant, |(number, count)| format!("{count} of {number}"))
}

/// What `is` says if all is well.
fn healthy(role: &RoleStatus) -> String {
    in_words(role.meant, |(number, count)| format!("{count} of {number} running"))
}

/// `2 of r43 running`, `1 of r42 running, 1 of r43 restarting`
fn is(role: &RoleStatus) -> String {
    let part = |(number, counts): (&ReleaseNumber, &Vec<(Doing, usize)>)| -> Vec<String> {
        counts.iter().map(|(doing, count)| format!("{count} of {number} {}", word(*doing))).collect()
    };
    let parts = role.is.iter().flat_map(part).collect::<Vec<_>>().join(", ");
    if parts.is_empty() { NOTHING.to_owned() } else { parts }
}

fn route_is(route: &RouteStatus) -> String {
    let (healthy, all) = route.healthy;
    let probation = route.on_probation_from.map_or_else(String::new, |before| format!(", on probation from {before}"));
    in_words(route.is, |number| format!("{number}, {healthy} of {all} healthy{probation}"))
}

/// What a container does, in a word.
pub(super) fn word(doing: Doing) -> &'static str {
    match doing {
        Doing::Created => "created",
        Doing::Running => "running",
        Doing::Restarting => "restarting",
        Doing::Paused => "paused",
        Doing::Exited => "exited",
    }
}

/// Counts for scripts: `running` → 2.
pub(super) fn counts(role: &RoleStatus) -> BTreeMap<String, BTreeMap<&'static str, usize>> {
    role.is
        .iter()
        .map(|(number, counts)| (number.to_string(), counts.iter().map(|(doing, n)| (word(*doing), *n)).collect()))
        .collect()
}
