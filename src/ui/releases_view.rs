//! `ship releases` for people.

use std::fmt::Write as _;

use super::releases_model::{Releases, RolledUp, Row};
use super::style::{Style, Tone};
use super::table::{self, Table};
use super::{amount, moment};
use crate::release::state::State;

/// The releases as a table, newest first; `now` is RFC 3339.
pub fn text(releases: &Releases, now: &str, style: Style, width: Option<usize>) -> String {
    let mut text = String::new();
    if releases.rows.is_empty() {
        text.push_str("nothing was deployed yet\n");
    } else {
        let mut table = Table::new(&["release", "state", "when", "live for", "who", "commit", "subject"]);
        for row in &releases.rows {
            table.push(cells(row, now));
        }
        text.push_str(&table.text(style, width));
    }
    for (host, reason) in &releases.silent {
        let _ = writeln!(text, "{} {host}: {reason}", style.paint(Tone::Bad, "not known:"));
    }
    text
}

fn cells(row: &Row, now: &str) -> table::Row {
    let live_for = row.live_for.map(amount::about).unwrap_or_default();
    let mut cells = table::Row::new()
        .toned(Tone::Name, row.number.to_string())
        .toned(tone(&row.state), row.state.word())
        .cell(moment::age(&row.planned_at, now))
        .cell(live_for)
        .cell(&row.by)
        .cell(commit(row))
        .cell(row.source.subject.clone().unwrap_or_default());
    if let Some(details) = row.state.details() {
        cells = cells.below(details);
    }
    for (why, hosts) in &row.why {
        let hosts = hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        cells = cells.below(format!("failed on {hosts}: {why}"));
    }
    cells
}

/// Seven digits, and a mark if uncommitted changes were part of it.
fn commit(row: &Row) -> String {
    let mark = if row.source.dirty { "+changes" } else { "" };
    let commit = row.source.commit.as_deref().unwrap_or_default();
    format!("{}{mark}", commit.get(..7).unwrap_or(commit))
}

fn tone(state: &RolledUp) -> Tone {
    match state {
        RolledUp::Uniform(State::Live) => Tone::Good,
        RolledUp::Uniform(State::Failed) => Tone::Bad,
        RolledUp::Uniform(State::Retired | State::Pruned) => Tone::Quiet,
        RolledUp::Uniform(_) | RolledUp::Mixed(_) => Tone::Warn,
    }
}
