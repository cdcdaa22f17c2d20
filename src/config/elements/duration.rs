//! A span of time: `500ms`, `10s`, `2m`, `1h30m`. A bare number is refused, since tools disagree what it counts.

use std::time::Duration;

use crate::config::reader::{Complaint, Value};

const UNITS: &[(&str, u64)] = &[("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Longer than anything that ship waits for.
const LONGEST: Duration = Duration::from_hours(24);

/// At least one millisecond.
pub(crate) fn positive(value: &Value<'_>) -> Result<Duration, Complaint> {
    match any(value)? {
        Duration::ZERO => Err(Complaint::new("expected more than no time at all")),
        span => Ok(span),
    }
}

/// Zero is fine.
pub(crate) fn any(value: &Value<'_>) -> Result<Duration, Complaint> {
    let expected = || Complaint::expected("a duration such as \"10s\", \"500ms\" or \"2m\"", value);
    let Some(text) = value.text() else {
        return Err(
            expected().maybe_hint(value.as_text().map(|n| format!("write {} = \"{n}s\" for seconds", value.key)))
        );
    };
    let span = parse(text).ok_or_else(|| {
        Complaint::new(format!("`{text}` is not a duration such as \"10s\", \"500ms\" or \"2m\""))
            .maybe_hint(text.parse::<u64>().ok().map(|n| format!("write {} = \"{n}s\" for seconds", value.key)))
    })?;
    if span > LONGEST { Err(Complaint::new(format!("`{text}` is more than a day"))) } else { Ok(span) }
}

/// Parts with falling units and nothing between them.
fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut millis: u64 = 0;
    let mut last = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let factor = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        if factor >= last {
            return None;
        }
        millis = millis.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        (rest, last) = (after, factor);
    }
    (last != u64::MAX).then(|| Duration::from_millis(millis))
}

/// The way one would write it.
pub(crate) fn written(span: Duration) -> String {
    let mut rest = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, factor) in UNITS {
        if rest >= *factor {
            text.extend([&(rest / factor).to_string(), *unit]);
            rest %= factor;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_meant() {
        for (text, millis) in [("0s", 0), ("500ms", 500), ("10s", 10_000), ("2m", 120_000), ("1h30m", 5_400_000)] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)));
            assert_eq!(written(Duration::from_millis(millis)), text);
        }
        for text in ["", "10", "s", "10 s", "-1s", "1.5s", "10sec", "1s1s", "1ms2s", "99999999999999999999s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
