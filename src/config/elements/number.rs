//! Whole numbers between two bounds.

use toml::de::DeValue;

use crate::config::reader::{Complaint, Value};

/// A whole number from `least` to `most`, both of which it may be.
pub(crate) fn whole<T>(least: T, most: T) -> impl Fn(&Value<'_>) -> Result<T, Complaint>
where
    T: TryFrom<i64> + PartialOrd + Copy + std::fmt::Display,
{
    move |value| {
        let expected = format!("a whole number from {least} to {most}");
        let DeValue::Integer(number) = value.node else {
            let meant = value.text().and_then(|text| text.parse::<i64>().ok());
            let hint = meant.map(|number| format!("write {} = {number}", value.key));
            return Err(Complaint::expected(&expected, value).maybe_hint(hint));
        };
        i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| Complaint::new(format!("expected {expected}, found {number}")))
    }
}

/// `true` or `false`.
pub(crate) fn flag(value: &Value<'_>) -> Result<bool, Complaint> {
    if let DeValue::Boolean(flag) = value.node {
        return Ok(*flag);
    }
    let meant = value.text().and_then(|text| text.parse::<bool>().ok());
    let hint = meant.map(|flag| format!("write {} = {flag}", value.key));
    Err(Complaint::expected("true or false", value).maybe_hint(hint))
}
