//! Why something failed, in words that a person can act on: "not healthy" is never the whole answer.

use std::time::Duration;

use crate::plan::action::Switch;
use crate::ports::{Ended, Host, Listening, NotHealthy, PortError};

/// How many of a container's last lines a failure quotes.
const QUOTED_LINES: usize = 20;

/// Why an action failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The edge failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The new release did not become healthy.
    #[error("{why}")]
    NotHealthy {
        /// The reason.
        why: String,
        /// The last lines of the container's log, each with the container's name before it.
        output: Vec<String>,
    },
    /// The release command ended with another code than 0.
    #[error("the release command ended with exit code {code}")]
    Command {
        /// Its exit code.
        code: i64,
        /// Its last lines.
        output: Vec<String>,
    },
    /// Another host failed, or the user interrupted, while this was going on.
    #[error("stopped before its end")]
    Stopped,
}

impl StepError {
    /// The whole chain on one line, for events and ledger lines.
    pub fn one_line(&self) -> String {
        match self {
            Self::Port(error) => error.one_line(),
            other => other.to_string(),
        }
    }

    /// Lines to quote.
    pub fn output(&self) -> &[String] {
        match self {
            Self::NotHealthy { output, .. } | Self::Command { output, .. } => output,
            Self::Port(_) | Self::Stopped => &[],
        }
    }
}

/// A container ended while it was to become healthy.
pub(super) fn ended(container: &str, ended: &Ended, out_of_memory: bool) -> StepError {
    let reason = match (out_of_memory, ended.exit_code) {
        (true, _) => " (the kernel killed it: it needs more memory than its limit or than the host has)",
        // 128 + SIGKILL and 128 + SIGSEGV, as the engine reports a death by signal.
        (false, 137) => " (killed by SIGKILL)",
        (false, 139) => " (it crashed: SIGSEGV)",
        (false, 126) => " (its command cannot be executed)",
        (false, 127) => " (its command was not found)",
        (false, _) => "",
    };
    StepError::NotHealthy {
        why: format!("{container} exited with code {}{reason}", ended.exit_code),
        output: quoted(container, &ended.last_lines),
    }
}

/// Targets that did not pass ship-proxy's check.
pub(super) async fn not_healthy(host: &Host, switch: &Switch, targets: &[NotHealthy]) -> StepError {
    let Some(target) = targets.first() else {
        return StepError::NotHealthy { why: "ship-proxy gave no reason".to_owned(), output: Vec::new() };
    };
    let mut why = target.words.clone();
    if target.refused
        && let Some(place) = where_it_listens(host, &target.target, switch.port).await
    {
        why.push_str("; ");
        why.push_str(&place);
    }
    let mut output: Vec<String> = Vec::new();
    if let Some(body) = &target.body {
        output.extend(body.lines().take(QUOTED_LINES).map(|line| format!("{} answered | {line}", target.target)));
    }
    // The log is a help, not the failure: if it cannot be read, the rest is still said.
    let lines = host.engine.last_lines(&target.target, QUOTED_LINES).await.unwrap_or_default();
    output.extend(quoted(&target.target, &lines));
    StepError::NotHealthy { why, output }
}

/// A container that was to stay up, or whose command was to pass, and did not.
pub(super) async fn not_up(host: &Host, container: &str, why: String) -> StepError {
    let lines = host.engine.last_lines(container, QUOTED_LINES).await.unwrap_or_default();
    StepError::NotHealthy { why, output: quoted(container, &lines) }
}

/// A span as a person says it.
pub(super) fn span(span: Duration) -> String {
    if span.subsec_millis() == 0 { format!("{} s", span.as_secs()) } else { format!("{} ms", span.as_millis()) }
}

async fn where_it_listens(host: &Host, container: &str, expected: u16) -> Option<String> {
    let pid = host.engine.look(container).await.ok()?.pid?;
    let listening = host.engine.listening(pid).await.ok()?;
    Some(place(&listening, expected))
}

fn place(listening: &[Listening], expected: u16) -> String {
    let ports = |only: bool| {
        let mut ports: Vec<u16> =
            listening.iter().filter(|socket| socket.loopback_only == only).map(|socket| socket.port).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    };
    let (open, inside) = (ports(false), ports(true));
    if inside.contains(&expected) && !open.contains(&expected) {
        return format!(
            "it listens on 127.0.0.1:{expected} only, which is inside the container; let it listen on 0.0.0.0"
        );
    }
    let list = |ports: &[u16]| ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    match (open.as_slice(), inside.as_slice()) {
        ([], []) => "nothing in the container listens on any port".to_owned(),
        ([], inside) => format!("it listens on port {} of 127.0.0.1 only, not on {expected}", list(inside)),
        (open, _) => format!("it listens on port {}, not on {expected}: set `port` of the role", list(open)),
    }
}

fn quoted(container: &str, lines: &[String]) -> Vec<String> {
    let skip = lines.len().saturating_sub(QUOTED_LINES);
    lines.iter().skip(skip).map(|line| format!("{container} | {line}")).collect()
}
