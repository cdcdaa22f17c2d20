//! A name that the app answers to: `blog.example.com`, or `*.example.com` for one level below.

use crate::config::reader::{Complaint, Value, quoted};

/// Lower case, since host names compare without it.
pub(crate) fn domain(value: &Value<'_>) -> Result<String, Complaint> {
    let written = super::text::word(value)?;
    let lower = written.to_ascii_lowercase();
    if is_domain(&lower) {
        return Ok(lower);
    }
    let complaint = Complaint::new(format!("`{written}` is not a host name such as \"blog.example.com\""));
    if !written.is_ascii() {
        return Err(complaint.hint("write the name as DNS has it, beginning with xn--"));
    }
    Err(complaint.maybe_hint(inner(&lower).map(|name| format!("write {}", quoted(name)))))
}

/// RFC 1035, section 2.3.4, and underscores, which some resolvers allow.
fn is_domain(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let label = |label: &str| {
        let inner = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// The name in what was copied from an address bar.
fn inner(text: &str) -> Option<&str> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let name = rest.split(['/', ':', '?']).next()?.trim_end_matches('.');
    is_domain(name).then_some(name)
}
