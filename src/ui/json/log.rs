//! A line of a container's log as JSON.

use serde::Serialize;

use super::VERSION;

/// What is known of a line.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// When the engine got it (RFC 3339).
    pub at: &'a str,
    /// Where.
    pub host: &'a str,
    /// The container's role.
    pub role: &'a str,
    /// From 1.
    pub replica: u16,
    /// `r42`
    pub release: &'a str,
    /// From standard error.
    pub errors: bool,
    /// The line without its end.
    pub text: &'a str,
}

#[derive(Serialize)]
struct Shape<'a> {
    v: u32,
    at: &'a str,
    host: &'a str,
    role: &'a str,
    replica: u16,
    release: &'a str,
    stream: &'static str,
    text: &'a str,
}

/// The line on one line, without its end.
pub fn line(line: &Line<'_>) -> String {
    let Line { at, host, role, replica, release, errors, text } = *line;
    let stream = if errors { "stderr" } else { "stdout" };
    super::line(&Shape { v: VERSION, at, host, role, replica, release, stream, text })
}
