//! Where SSH reaches a host: an IP address, a DNS name, or a `Host` of `~/.ssh/config`.

use std::net::IpAddr;

use super::text;
use crate::config::reader::{Complaint, Value, quoted};

/// The address alone; user and port have keys of their own.
pub(crate) fn address(value: &Value<'_>) -> Result<String, Complaint> {
    let written = text::word(value)?;
    let text = written.strip_prefix("ssh://").unwrap_or(&written);
    if is_address(text) && text == written {
        return Ok(written);
    }
    Err(Complaint::new(format!("`{written}` is not an IP address or a host name")).maybe_hint(parts(text)))
}

/// A zone (`fe80::1%eth0`) is for the local resolver, which takes it as it stands.
fn is_address(text: &str) -> bool {
    let without_zone = text.split_once('%').map_or(text, |(address, _)| address);
    let is_name = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && !text.starts_with('-');
    without_zone.parse::<IpAddr>().is_ok() || is_name
}

/// `ana@203.0.113.7:2222` in its three keys.
fn parts(text: &str) -> Option<String> {
    let (user, rest) = text.rsplit_once('@').map_or((None, text), |(user, rest)| (Some(user), rest));
    let (address, port) = match (rest.strip_prefix('['), rest.rsplit_once(':')) {
        (Some(inner), _) => inner.split_once(']')?,
        (None, Some((address, port))) if !address.contains(':') => (address, port),
        _ => (rest, ""),
    };
    let mut lines = vec![format!("write address = {}", quoted(address))];
    lines.extend(user.map(|user| format!("user = {}", quoted(user))));
    let port = port.trim_start_matches(':');
    lines.extend(port.parse::<u16>().ok().map(|port| format!("port = {port}")));
    is_address(address).then(|| lines.join(", "))
}
