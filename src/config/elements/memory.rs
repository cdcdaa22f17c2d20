//! A memory limit: `512m`, `1g`. Units count in 1024s, as Docker's do.

use crate::config::reader::{Complaint, Value};

const UNITS: &[(&str, u64)] = &[("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)];

/// Docker refuses less (`docker run --memory`).
const LEAST: u64 = 6 << 20;

/// Bytes.
pub(crate) fn memory(value: &Value<'_>) -> Result<u64, Complaint> {
    let Some(text) = value.text() else {
        let hint = value.as_text().map(|n| format!("write {} = \"{n}m\" for MiB", value.key));
        return Err(Complaint::expected("a size such as \"512m\" or \"1g\"", value).maybe_hint(hint));
    };
    let bytes =
        parse(text).ok_or_else(|| Complaint::new(format!("`{text}` is not a size such as \"512m\" or \"1g\"")))?;
    if bytes < LEAST {
        return Err(Complaint::new(format!("`{text}` is less than Docker accepts, which is \"6m\"")));
    }
    Ok(bytes)
}

fn parse(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = lower.split_at(digits);
    let unit = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(unit);
    let factor = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    number.parse::<u64>().ok()?.checked_mul(factor).filter(|bytes| i64::try_from(*bytes).is_ok())
}

/// The way one would write it.
pub(crate) fn written(bytes: u64) -> String {
    let whole = UNITS.iter().find(|(_, factor)| bytes.is_multiple_of(*factor));
    whole.map_or_else(|| format!("{bytes}b"), |(unit, factor)| format!("{}{unit}", bytes / factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_meant() {
        for (text, bytes) in [("512m", 512 << 20), ("1g", 1 << 30), ("1536m", 1536 << 20), ("7000k", 7000 << 10)] {
            assert_eq!(parse(text), Some(bytes));
            assert_eq!(written(bytes), text);
        }
        assert_eq!(parse("1GiB"), Some(1 << 30));
        assert_eq!(parse("512MB"), Some(512 << 20));
        for text in ["", "512", "m", "1.5g", "-1g", "1 g", "1t", "99999999999g"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
