//! The small pieces of OpenSSH's configuration: lines, paths with their tokens, destinations.

use std::path::PathBuf;

use super::ssh_config::LocalUser;

/// What was said of a server outside the configuration.
pub(super) struct Told {
    pub(super) user: Option<String>,
    pub(super) port: Option<u16>,
}

/// `user@host:port`, `[::1]:22`, `ssh://user@host:port`.
pub(super) fn split_destination(text: &str) -> (String, Told) {
    let text = text.strip_prefix("ssh://").unwrap_or(text).trim_end_matches('/');
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user.to_owned()), rest),
        None => (None, text),
    };
    let bracketed = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, port)) => (host, port.strip_prefix(':')),
        // More than one colon without brackets is an IPv6 address alone.
        None => match rest.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (rest, None),
        },
    };
    (host.to_owned(), Told { user, port: port.and_then(|port| port.parse().ok()) })
}

/// `~` at the front, and the tokens that paths may have.
pub(super) fn expand(text: &str, local: &LocalUser, host: &str, remote_user: &str) -> PathBuf {
    let home = local.home.to_string_lossy();
    let text = match text.strip_prefix("~/") {
        Some(rest) => format!("{home}/{rest}"),
        None => text.to_owned(),
    };
    let mut path = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, (c == '%').then(|| rest.next()).flatten()) {
            ('%', Some('%')) => path.push('%'),
            ('%', Some('d')) => path.push_str(&home),
            ('%', Some('u')) => path.push_str(&local.name),
            ('%', Some('h')) => path.push_str(host),
            ('%', Some('r')) => path.push_str(remote_user),
            ('%', Some(other)) => path.extend(['%', other]),
            (other, _) => path.push(other),
        }
    }
    PathBuf::from(path)
}

/// A line's keyword in lower case and its values: `Keyword value`, `Keyword=value`, with values in double quotes.
pub(super) fn split_line(text: &str) -> Result<Option<(String, Vec<String>)>, &'static str> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let end = text.find(|c: char| c.is_whitespace() || c == '=' || c == '"').unwrap_or(text.len());
    let (keyword, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let mut rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    let mut words = Vec::new();
    while !rest.is_empty() && !rest.starts_with('#') {
        let word;
        if let Some(quoted) = rest.strip_prefix('"') {
            (word, rest) = quoted.split_once('"').ok_or("a quote has no end")?;
        } else {
            (word, rest) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
        }
        words.push(word.to_owned());
        rest = rest.trim_start();
    }
    if words.is_empty() {
        return Err("a keyword without a value");
    }
    Ok(Some((keyword.to_ascii_lowercase(), words)))
}
