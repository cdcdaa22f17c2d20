//! Strings that are not empty, and names.

use std::str::FromStr;

use crate::config::reader::{Complaint, Value, quoted};
use crate::name::NameError;

/// A string with something in it.
pub(crate) fn text(value: &Value<'_>) -> Result<String, Complaint> {
    match value.text() {
        Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err(not_a_string(value)),
    }
}

/// A string without blanks and control characters: what becomes one word elsewhere.
pub(crate) fn word(value: &Value<'_>) -> Result<String, Complaint> {
    let text = text(value)?;
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let hint = Some(text.trim()).filter(|trimmed| !trimmed.contains(char::is_whitespace));
        return Err(Complaint::new(format!("{} has a blank in it", quoted(&text)))
            .maybe_hint(hint.map(|trimmed| format!("write {}", quoted(trimmed)))));
    }
    Ok(text)
}

/// A name of the vocabulary.
pub(crate) fn name<T: FromStr<Err = NameError>>(value: &Value<'_>) -> Result<T, Complaint> {
    let text = value.text().ok_or_else(|| not_a_string(value))?;
    parse_name(text)
}

/// A name that stands as a key.
pub(crate) fn parse_name<T: FromStr<Err = NameError>>(text: &str) -> Result<T, Complaint> {
    text.parse::<T>().map_err(|error| {
        let legal = legal_name(text);
        let hint = legal.filter(|legal| legal != text).map(|legal| format!("`{legal}` would be fine"));
        Complaint::new(error.to_string()).maybe_hint(hint)
    })
}

/// The nearest legal name, if anything of the text can stay.
pub(crate) fn legal_name(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let parts = lower.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit()).filter(|part| !part.is_empty());
    let mut legal = parts.collect::<Vec<_>>().join("-");
    legal.truncate(crate::name::LONGEST);
    let legal = legal.trim_end_matches('-').to_owned();
    (!legal.is_empty()).then_some(legal)
}

/// Not a string, or an empty one.
pub(crate) fn not_a_string(value: &Value<'_>) -> Complaint {
    let hint = value.as_text().map(|text| format!("write {} = {}", value.key, quoted(&text)));
    Complaint::expected("a string", value).maybe_hint(hint)
}
