//! `[roles.*.health]`: when a container counts as healthy.

use std::time::Duration;

use crate::config::elements::{command, duration, path};
use crate::config::reader::{Complaint, Table, quoted};
use crate::release::Health;

const PATH: &str = "/up";
const INTERVAL: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(5);
/// What a large application needs to boot on a small server.
const DEADLINE: Duration = Duration::from_secs(30);
/// Long enough to see a wrong command exit.
const STAYS_UP: Duration = Duration::from_secs(2);

/// What the role says, else `GET /up` for the one that takes requests, and staying up for all others.
pub(crate) fn read(role: &Table<'_>, takes_requests: bool) -> Health {
    let default = if takes_requests { http(None) } else { Health::StaysUp { span: STAYS_UP } };
    let Some(value) = role.get("health") else { return default };
    let Some(table) = value.table() else {
        let hint = value.text().map(|path| format!("write health = {{ path = {} }}", quoted(path)));
        value.complain(Complaint::expected("a table", &value).maybe_hint(hint));
        return default;
    };
    let choices = ["path", "command", "stays_up"].map(|key| table.get(key).is_some());
    match choices {
        [false, false, false] if takes_requests => http(Some(&table)),
        [true, false, false] => http(Some(&table)),
        [false, true, false] => by_command(&table),
        [false, false, true] => stays_up(&table),
        [false, false, false] if table.entries().next().is_none() => default,
        [false, false, false] => {
            let expected = "expected one of path, command and stays_up, as this role takes no requests";
            table.complain(Complaint::new(expected));
            default
        }
        _ => {
            table.complain(Complaint::new("expected one of path, command and stays_up, found more than one"));
            default
        }
    }
}

pub(super) fn http(table: Option<&Table<'_>>) -> Health {
    Health::Http {
        path: table.and_then(|table| table.read("path", path::request)).unwrap_or_else(|| PATH.to_owned()),
        interval: span(table, "interval", INTERVAL),
        timeout: span(table, "timeout", TIMEOUT),
        deadline: span(table, "deadline", DEADLINE),
    }
}

fn by_command(table: &Table<'_>) -> Health {
    refuse(table, &["timeout"], "command");
    Health::Command {
        command: table.read("command", command::command).unwrap_or_default(),
        interval: span(Some(table), "interval", INTERVAL),
        deadline: span(Some(table), "deadline", DEADLINE),
    }
}

fn stays_up(table: &Table<'_>) -> Health {
    refuse(table, &["interval", "timeout", "deadline"], "stays_up");
    Health::StaysUp { span: span(Some(table), "stays_up", STAYS_UP) }
}

/// Keys that would be read by nobody.
fn refuse(table: &Table<'_>, keys: &[&str], choice: &str) {
    for value in keys.iter().filter_map(|key| table.get(key)) {
        value.complain_of_key(Complaint::new(format!("it means nothing beside `{choice}`")));
    }
}

fn span(table: Option<&Table<'_>>, key: &str, default: Duration) -> Duration {
    table.and_then(|table| table.read(key, duration::positive)).unwrap_or(default)
}
