//! The signal that asks a process to stop.

use super::text;
use crate::config::reader::{Complaint, Value};

/// What programs take as a request to end, one way or another.
const SIGNALS: &[&str] = &["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGKILL"];

/// With `SIG`, whether it was written or not.
pub(crate) fn signal(value: &Value<'_>) -> Result<String, Complaint> {
    let written = text::word(value)?;
    let upper = written.to_ascii_uppercase();
    let full = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
    // Real-time signals are what systemd stops at (`SIGRTMIN+3`); the engine knows how many there are.
    if SIGNALS.contains(&full.as_str()) || full.starts_with("SIGRTMIN") {
        return Ok(full);
    }
    let near = SIGNALS.iter().max_by(|a, b| strsim::jaro(&full, a).total_cmp(&strsim::jaro(&full, b)));
    Err(Complaint::new(format!("`{written}` is not a signal such as \"SIGTERM\" or \"SIGQUIT\""))
        .maybe_hint(near.map(|near| format!("did you mean `{near}`?"))))
}
