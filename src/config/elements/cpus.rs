//! A CPU limit in CPUs: `0.5`, `2`. Kept in thousandths, because what is recorded should compare exactly.

use toml::de::DeValue;

use crate::config::reader::{Complaint, Value};

/// Thousandths of a CPU.
pub(crate) fn millicpus(value: &Value<'_>) -> Result<u32, Complaint> {
    let written = match value.node {
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        _ => {
            let number = value.text().filter(|text| text.parse::<f64>().is_ok());
            let hint = number.map(|text| format!("write {} = {text}", value.key));
            return Err(Complaint::expected("a number of CPUs such as 0.5 or 2", value).maybe_hint(hint));
        }
    };
    parse(&written.replace('_', ""))
        .ok_or_else(|| Complaint::new(format!("expected a number of CPUs from 0.01 to 1024, found {written}")))
}

/// By digits, not by a float: `0.1` is a hundred thousandths, and nothing finer is asked for.
fn parse(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 3 {
        return None;
    }
    let thousandths = format!("{fraction:0<3}").parse::<u32>().ok()?;
    let millicpus = whole.parse::<u32>().ok()?.checked_mul(1000)?.checked_add(thousandths)?;
    (10..=1_024_000).contains(&millicpus).then_some(millicpus)
}

/// The way one would write it.
pub(crate) fn written(millicpus: u32) -> String {
    let fraction = format!("{:03}", millicpus % 1000);
    format!("{}.{}", millicpus / 1000, fraction.trim_end_matches('0')).trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_meant() {
        for (text, millicpus) in [("0.5", 500), ("2", 2000), ("1.25", 1250), ("0.01", 10)] {
            assert_eq!(parse(text), Some(millicpus));
            assert_eq!(written(millicpus), text);
        }
        for text in ["0", "0.001", "-1", "1e3", "inf", "nan", "0.12345", "2000"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
