//! Environment variables: names that every shell and program can read (POSIX.1-2017, section 8.1), and their values.

use super::text;
use crate::config::reader::{Complaint, Value, quoted};

/// A letter or underscore, then letters, digits and underscores.
pub(crate) fn name(text: &str) -> Result<String, Complaint> {
    if is_name(text) {
        return Ok(text.to_owned());
    }
    let repaired: String = text.trim().chars().map(|c| if is_part(c) { c } else { '_' }).collect();
    let hint = is_name(&repaired).then(|| format!("`{repaired}` would be fine"));
    let message = format!("{} is not the name of a variable: expected A-Z, a-z, 0-9 and _", quoted(text));
    Err(Complaint::new(message).maybe_hint(hint))
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_part) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// Any string, an empty one too.
pub(crate) fn value(value: &Value<'_>) -> Result<String, Complaint> {
    match value.text() {
        Some(text) if text.contains('\0') => Err(Complaint::new("a variable cannot have a NUL character")),
        Some(text) => Ok(text.to_owned()),
        None => Err(text::not_a_string(value)),
    }
}
