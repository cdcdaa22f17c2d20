//! `ship audit --json`.

use serde::Serialize;

use super::VERSION;
use crate::ui::audit_view::Audit;

#[derive(Serialize)]
struct Shape<'a> {
    v: u32,
    commands: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    at: &'a str,
    by: &'a str,
    host: &'a str,
    container: &'a str,
    command: &'a [String],
    exit: Option<i64>,
}

/// The record as an object, with its end.
pub fn text(audit: &Audit) -> String {
    let commands = audit.entries.iter().map(|(host, entry)| One {
        at: &entry.at,
        by: &entry.by,
        host: host.as_str(),
        container: &entry.container,
        command: &entry.command,
        exit: entry.exit,
    });
    super::pretty(&Shape { v: VERSION, commands: commands.collect() })
}
