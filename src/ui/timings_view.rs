//! `--timings`: where the time went, and how often ship had to wait for the network.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::amount;
use super::model::{End, View};
use super::style::{Style, Tone};
use super::table::{Row, Table};
use crate::name::HostName;

/// Each step's time, in the order in which they ended; `round_trips` are the sequential ones after authentication.
pub fn text(view: &View, round_trips: &BTreeMap<HostName, u32>, style: Style, width: Option<usize>) -> String {
    let mut table = Table::new(&["host", "took", "step"]);
    for host in &view.hosts {
        for ended in &host.ended {
            let step = match &ended.end {
                End::Done { .. } => ended.words.clone(),
                End::Failed { .. } => format!("{} (failed)", ended.words),
                End::CutShort => format!("{} (cut short)", ended.words),
            };
            table.push(Row::new().toned(Tone::Name, host.host.as_str()).cell(amount::took(ended.took)).cell(step));
        }
    }
    let mut text = table.text(style, width);
    for (host, count) in round_trips {
        let plural = if *count == 1 { "" } else { "s" };
        let _ = writeln!(text, "{host}: {count} sequential round trip{plural}");
    }
    if let Some(finished) = view.finished {
        let _ = writeln!(text, "in all: {}", amount::took(finished.took));
    }
    text
}
