//! Paths: of files beside `ship.toml`, in a container, on a host, and of requests.

use std::path::PathBuf;

use super::text;
use crate::config::reader::{Complaint, Value, quoted};

/// A file or directory, seen from the directory of `ship.toml`.
pub(crate) fn local(value: &Value<'_>) -> Result<PathBuf, Complaint> {
    let written = text::text(value)?;
    if let Some(rest) = written.strip_prefix('~') {
        let hint = format!("write the whole path, as {} does not expand `~{rest}`", "ship.toml");
        return Err(Complaint::new("expected a path without `~`").hint(hint));
    }
    Ok(PathBuf::from(written))
}

/// An absolute path in a container or on a host, without a slash at its end.
pub(crate) fn absolute(value: &Value<'_>) -> Result<String, Complaint> {
    let written = text::text(value)?;
    if !written.starts_with('/') {
        let hint = written.split_once(":/").map(|(_, path)| format!("write {}", quoted(&format!("/{path}"))));
        return Err(Complaint::new(format!("`{written}` is not an absolute path")).maybe_hint(hint));
    }
    if written.contains([':', '\0', '\n']) || written.split('/').any(|part| part == "..") {
        return Err(Complaint::new(format!("{} may have no `:`, no `..` and no line break", quoted(&written))));
    }
    let path = written.trim_end_matches('/');
    if path.is_empty() {
        return Err(Complaint::new("`/` itself cannot be mounted"));
    }
    Ok(path.to_owned())
}

/// Path and query of a request, beginning with a slash.
pub(crate) fn request(value: &Value<'_>) -> Result<String, Complaint> {
    let written = text::text(value)?;
    if !written.starts_with('/') {
        let after_host = |(_, rest): (&str, &'_ str)| rest.split_once('/').map_or("", |(_, path)| path).to_owned();
        let path = written.split_once("://").map_or_else(|| written.clone(), after_host);
        let hint = format!("write {} = {}", value.key, quoted(&format!("/{path}")));
        return Err(Complaint::new(format!("`{written}` does not begin with a slash")).hint(hint));
    }
    // RFC 3986, section 3.3: everything else has to be percent-encoded.
    if !written.chars().all(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}#".contains(c)) {
        return Err(Complaint::new(format!("{} has a character that a request cannot have", quoted(&written)))
            .hint("encode it with %"));
    }
    Ok(written)
}

/// A path prefix: `/`, or `/blog` without a slash at its end.
pub(crate) fn prefix(value: &Value<'_>) -> Result<String, Complaint> {
    let path = request(value)?;
    if path.contains('?') || path.contains("//") || path.split('/').any(|part| part == ".." || part == ".") {
        return Err(Complaint::new(format!("`{path}` is not a plain path such as \"/blog\"")));
    }
    let trimmed = path.trim_end_matches('/');
    Ok(if trimmed.is_empty() { "/".to_owned() } else { trimmed.to_owned() })
}
