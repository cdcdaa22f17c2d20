//! What changes in the headers between client and app: fields that belong to one connection go, what clients say about
//! forwarding is dropped, and what is true is said.

use std::net::IpAddr;

use hyper::header::{
    CONNECTION, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{Uri, Version};

use super::rescue::Trouble;

/// Where a request came in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) client: IpAddr,
    pub(super) scheme: &'static str,
    /// Of the listener.
    pub(super) port: u16,
}

/// Fields of one connection (RFC 9110, section 7.6.1), whether `Connection` names them or not.
const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Takes out the fields of one connection.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
        let named = named.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok());
        for name in named.collect::<Vec<HeaderName>>() {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Whether a field with a list of tokens has this one.
pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// The protocol that a request asks to switch to. Not `h2c`: HTTP/2 is spoken with prior knowledge or not at all
/// (RFC 9113, section 3.1).
pub(super) fn wanted_upgrade(parts: &Parts) -> Option<HeaderValue> {
    let asked = parts.version == Version::HTTP_11 && has_token(&parts.headers, &CONNECTION, "upgrade");
    let protocol = parts.headers.get(UPGRADE).filter(|_| asked)?;
    (!has_token(&parts.headers, &UPGRADE, "h2c")).then(|| protocol.clone())
}

/// Rewrites a request for the app. `authority` is the host as the client sent it.
pub(super) fn for_app(
    parts: &mut Parts,
    peer: &Peer,
    authority: &str,
    stripped: Option<&str>,
    upgrade: Option<HeaderValue>,
) -> Result<(), Trouble> {
    let trailers = has_token(&parts.headers, &TE, "trailers");
    remove_hop_by_hop(&mut parts.headers);
    remove_claims(&mut parts.headers);
    if trailers {
        parts.headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if parts.version < Version::HTTP_11 {
        parts.headers.remove(EXPECT);
    }
    if parts.version == Version::HTTP_2 {
        join_cookies(&mut parts.headers);
    }
    if let Some(protocol) = upgrade {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        parts.headers.insert(UPGRADE, protocol);
    }
    say_forwarded(&mut parts.headers, peer, authority, stripped)?;
    parts.uri = origin_form(&parts.uri, stripped)?;
    parts.version = Version::HTTP_11;
    Ok(())
}

/// Drops what the client says about forwarding. With underscores too: CGI, WSGI and Rack cannot tell `X_Forwarded_For`
/// from `X-Forwarded-For`.
fn remove_claims(headers: &mut HeaderMap) {
    let is_claim = |name: &str| {
        let is = |text: &str| {
            name.len() >= text.len() && name.bytes().zip(text.bytes()).all(|(a, b)| a == b || (a == b'_' && b == b'-'))
        };
        is("x-forwarded-") || ((is("forwarded") || is("x-real-ip")) && name.len() <= "x-real-ip".len())
    };
    let claims = headers.keys().filter(|name| is_claim(name.as_str())).cloned().collect::<Vec<_>>();
    for name in claims {
        headers.remove(name);
    }
}

/// HTTP/2 clients may send cookies in pieces; HTTP/1.1 has one field (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let pieces = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
    if pieces.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&pieces.join(&b"; "[..]))
    {
        headers.insert(COOKIE, joined);
    }
}

fn say_forwarded(headers: &mut HeaderMap, peer: &Peer, authority: &str, stripped: Option<&str>) -> Result<(), Trouble> {
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Trouble::BadRequest("a host that cannot be"));
    let host = value(authority)?;
    let client = peer.client.to_string();
    let node = if peer.client.is_ipv6() { format!("\"[{client}]\"") } else { client.clone() };
    let forwarded = if authority.is_empty() {
        format!("for={node};proto={}", peer.scheme)
    } else {
        format!("for={node};host=\"{authority}\";proto={}", peer.scheme)
    };
    let client = value(&client)?;
    headers.insert("x-real-ip", client.clone());
    headers.insert("x-forwarded-for", client);
    headers.insert("x-forwarded-proto", HeaderValue::from_static(peer.scheme));
    headers.insert("x-forwarded-host", host.clone());
    headers.insert("x-forwarded-port", HeaderValue::from(peer.port));
    headers.insert("forwarded", value(&forwarded)?);
    if let Some(prefix) = stripped {
        headers.insert("x-forwarded-prefix", value(prefix)?);
    }
    headers.insert(HOST, host);
    Ok(())
}

/// Path and query as they were sent, byte for byte (`%2F` too), without the stripped prefix.
fn origin_form(uri: &Uri, stripped: Option<&str>) -> Result<Uri, Trouble> {
    let Some(sent) = uri.path_and_query() else { return Ok(Uri::from_static("/")) };
    let rest = stripped.and_then(|prefix| sent.as_str().strip_prefix(prefix));
    let path = match rest {
        None => sent.clone(),
        Some(rest) if rest.starts_with('/') => to_path(rest)?,
        Some(rest) => to_path(&format!("/{rest}"))?,
    };
    Ok(Uri::from(path))
}

fn to_path(text: &str) -> Result<PathAndQuery, Trouble> {
    PathAndQuery::try_from(text).map_err(|_| Trouble::BadRequest("a path that cannot be"))
}

/// Keeps the client's `X-Request-Id` if it is a sober one, else makes one.
pub(super) fn request_id(headers: &HeaderMap, make: impl FnOnce() -> String) -> HeaderValue {
    let sober = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=128).contains(&bytes.len()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:+/=@".contains(b))
    };
    let kept = headers.get(REQUEST_ID).filter(sober).cloned();
    kept.unwrap_or_else(|| HeaderValue::from_str(&make()).unwrap_or_else(|_| HeaderValue::from_static("-")))
}

/// Writes the request's ID where the app, and with the answer the client, finds it.
pub(super) fn set_request_id(headers: &mut HeaderMap, id: HeaderValue) {
    headers.insert(REQUEST_ID, id);
}
