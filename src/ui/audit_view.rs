//! `ship audit`: who ran what on which host, from the lines that each host keeps.

use std::fmt::Write as _;

use serde::Deserialize;

use super::moment;
use super::style::{Style, Tone, printable};
use super::table::{Row, Table};
use crate::name::HostName;

/// One line of a host's record of commands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// When (RFC 3339).
    pub at: String,
    /// Who: `ana@laptop`.
    pub by: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// In which container.
    pub container: String,
    /// Its exit code; `None` while it runs, or if nobody was there any more to see it.
    #[serde(default)]
    pub exit: Option<i64>,
    /// The same in the line of a beginning and in that of its end.
    #[serde(default)]
    pub id: Option<String>,
}

/// What the hosts recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Oldest first.
    pub entries: Vec<(HostName, Entry)>,
    /// Lines that could not be read, by host.
    pub unreadable: Vec<(HostName, usize)>,
}

impl Audit {
    /// Takes in the lines of one host.
    pub fn add(&mut self, host: &HostName, lines: &str) {
        let mut unreadable = 0;
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            match serde_json::from_str(line) {
                Ok(entry) => self.enter(host, entry),
                Err(_) => unreadable += 1,
            }
        }
        if unreadable > 0 {
            self.unreadable.push((host.clone(), unreadable));
        }
        self.entries.sort_by(|(_, a), (_, b)| a.at.cmp(&b.at));
    }
}

impl Audit {
    /// An end completes its beginning, which stays where it is in time.
    fn enter(&mut self, host: &HostName, entry: Entry) {
        let same = |(at, known): &&mut (HostName, Entry)| at == host && known.id.is_some() && known.id == entry.id;
        match self.entries.iter_mut().find(same) {
            Some((_, begun)) => begun.exit = entry.exit,
            None => self.entries.push((host.clone(), entry)),
        }
    }
}

/// The record as a table; `now` is RFC 3339.
pub fn text(audit: &Audit, now: &str, style: Style, width: Option<usize>) -> String {
    let mut text = String::new();
    if audit.entries.is_empty() {
        text.push_str("no command was run yet\n");
    } else {
        let mut table = Table::new(&["when", "who", "host", "container", "exit", "command"]);
        for (host, entry) in &audit.entries {
            table.push(row(host, entry, now));
        }
        text.push_str(&table.text(style, width));
    }
    for (host, count) in &audit.unreadable {
        let plural = if *count == 1 { "" } else { "s" };
        let label = style.paint(Tone::Bad, "not readable:");
        let _ = writeln!(text, "{label} {count} line{plural} on {host}");
    }
    text
}

fn row(host: &HostName, entry: &Entry, now: &str) -> Row {
    let (tone, exit) = match entry.exit {
        Some(0) => (Tone::Good, "0".to_owned()),
        Some(code) => (Tone::Bad, code.to_string()),
        None => (Tone::Quiet, "-".to_owned()),
    };
    Row::new()
        .cell(moment::age(&entry.at, now))
        .cell(&entry.by)
        .toned(Tone::Name, host.as_str())
        .cell(&entry.container)
        .toned(tone, exit)
        .cell(printable(&entry.command.join(" ")))
}
