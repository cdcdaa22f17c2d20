//! Which host a request is for: the authority of an absolute or HTTP/2 request, else its one `Host` header.

use hyper::header::HOST;
use hyper::http::request::Parts;
use hyper::{Method, Version};

use super::rescue::Trouble;

/// The host of a request.
pub(super) struct Host {
    /// As it was sent, with a port if it had one: what the app sees.
    pub(super) authority: String,
    /// Lower case, without port and without a dot at the end: what routes are found by.
    pub(super) name: String,
}

impl Host {
    /// Decides as RFC 9112, section 3.2 and RFC 9113, section 8.3.1 say. Two opinions on the host are an attack, or a
    /// mistake that must not be guessed about.
    pub(super) fn of(parts: &Parts) -> Result<Self, Trouble> {
        let mut fields = parts.headers.get_all(HOST).iter();
        let field = match (fields.next(), fields.next()) {
            (Some(_), Some(_)) => return Err(Trouble::BadRequest("more than one host")),
            (Some(value), None) => Some(value.to_str().map_err(|_| Trouble::BadRequest("a host that is not ASCII"))?),
            (None, _) => None,
        };
        let target = parts.uri.authority().map(hyper::http::uri::Authority::as_str);
        let authority = match (target, field) {
            // The target of the request decides, and the field is ignored (RFC 9112, section 3.2.2).
            (Some(target), _) if parts.version <= Version::HTTP_11 => target,
            (Some(target), Some(field)) if !target.eq_ignore_ascii_case(field) => {
                return Err(Trouble::BadRequest("two different hosts"));
            }
            (Some(target), _) => target,
            (None, Some(field)) => field,
            (None, None) if parts.version == Version::HTTP_11 => return Err(Trouble::BadRequest("no host")),
            (None, None) => "",
        };
        if parts.method == Method::CONNECT {
            return Err(Trouble::MethodNotAllowed);
        }
        let name = name(authority).ok_or(Trouble::BadRequest("a host that cannot be"))?;
        Ok(Self { authority: authority.to_owned(), name })
    }
}

/// The name in an authority, or `None` if it is not one.
fn name(authority: &str) -> Option<String> {
    let (name, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest.split_once(']')?;
        let fits = address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
        (fits.then(|| format!("[{address}]"))?, after.strip_prefix(':').or(after.is_empty().then_some(""))?)
    } else {
        let (name, port) = authority.split_once(':').unwrap_or((authority, ""));
        let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        (fits.then(|| name.strip_suffix('.').unwrap_or(name).to_owned())?, port)
    };
    let port_fits = port.is_empty() || port.parse::<u16>().is_ok_and(|_| port.bytes().all(|b| b.is_ascii_digit()));
    port_fits.then(|| name.to_ascii_lowercase())
}

/// Whether a text can be routed by: labels of letters, digits, hyphens and underscores, or an IP address.
pub(super) fn is_domain(text: &str) -> bool {
    let label_fits = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let is_ipv6 = || name(text).is_some_and(|name| name == text && text.starts_with('['));
    text.len() <= 253 && (text.split('.').all(label_fits) || is_ipv6())
}
