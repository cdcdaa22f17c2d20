//! Wall times as text, and the spans between them. They come from ledgers, so a text that is no time is shown as it is.

use std::time::Duration;

use jiff::Timestamp;

use super::amount;

/// How long ago something was: `just now`, `12 s ago`, `3 h ago`, `5 days ago`. One unit is enough for an age.
pub fn age(then: &str, now: &str) -> String {
    let Some(span) = between(then, now) else { return then.to_owned() };
    let seconds = span.as_secs();
    let (count, unit) = match seconds {
        0..5 => return "just now".to_owned(),
        5..60 => (seconds, "s"),
        60..3_600 => (seconds / 60, "min"),
        3_600..86_400 => (seconds / 3_600, "h"),
        86_400..172_800 => (1, "day"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit} ago")
}

/// The time from one moment to a later one in words; `None` if one of them is no time.
pub fn lasted(from: &str, to: &str) -> Option<String> {
    between(from, to).map(amount::about)
}

/// The time from one moment to a later one; clocks of hosts differ, so an earlier one counts as none.
pub fn between(from: &str, to: &str) -> Option<Duration> {
    let (from, to): (Timestamp, Timestamp) = (from.parse().ok()?, to.parse().ok()?);
    Some(Duration::try_from(to.duration_since(from)).unwrap_or_default())
}
