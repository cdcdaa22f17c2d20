//! The ledger's lines: append-only JSON, chained by SHA-256, so that damage and edits show. docs/ledger.md describes
//! the format for people; this file is the format.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Source;
use super::state::Transition;
use crate::name::{Digest, ReleaseNumber};

/// The version of the format that this ship writes. Readers take any line whose version is not above it.
pub const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of the format.
    pub v: u32,
    /// 1, 2, 3 …
    pub seq: u64,
    /// SHA-256 of the line before without its newline, in hexadecimal; 64 zeros in the first line.
    pub prev: String,
    /// Wall time, RFC 3339 in UTC. Shown to people, never used to decide anything.
    pub at: String,
    /// Who did it: `ana@laptop`.
    pub by: String,
    /// The release that it is about.
    pub release: ReleaseNumber,
    /// What happened.
    pub event: Event,
}

/// What happened to a release on this host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Event {
    /// The intent to deploy: a release begins.
    Planned {
        /// Digest of the image's configuration.
        image: Digest,
        /// Commit, branch, subject, who.
        source: Source,
        /// The release that has the traffic now.
        from: Option<ReleaseNumber>,
    },
    /// The intent to put a retired release back; changes no state.
    RollingBack {
        /// The release that has the traffic now.
        from: Option<ReleaseNumber>,
    },
    /// The image and the record are on the host.
    Staged,
    /// Health checks passed.
    Healthy,
    /// It has the traffic.
    Live,
    /// Another release has the traffic.
    Superseded {
        /// Which one.
        by: ReleaseNumber,
    },
    /// It failed or had to give way.
    Failed {
        /// The reason, as the user was told.
        why: String,
    },
    /// Everything of it but the ledger's lines was removed.
    Pruned,
}

impl Event {
    /// What the event does to the release's state; `None` for one that begins a release or changes nothing.
    pub fn transition(&self) -> Option<Transition> {
        match self {
            Self::Planned { .. } | Self::RollingBack { .. } => None,
            Self::Staged => Some(Transition::Staged),
            Self::Healthy => Some(Transition::Healthy),
            Self::Live => Some(Transition::Live),
            Self::Superseded { .. } => Some(Transition::Superseded),
            Self::Failed { .. } => Some(Transition::Failed),
            Self::Pruned => Some(Transition::Pruned),
        }
    }
}

/// The place in a ledger after which the next line goes: number and hash of its last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Number of the last line; 0 for an empty ledger.
    pub seq: u64,
    /// Hash of the last line, 64 hexadecimal digits; zeros for an empty ledger.
    pub hash: String,
}

impl Default for Position {
    fn default() -> Self {
        Self { seq: 0, hash: "0".repeat(64) }
    }
}

impl Position {
    /// The position after a line (given without its newline).
    #[must_use]
    pub fn after(&self, line: &str) -> Self {
        Self { seq: self.seq + 1, hash: hash(line) }
    }
}

/// Hash of a line without its newline, in hexadecimal.
fn hash(line: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(line.as_bytes()).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a ledger's bytes say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lines {
    /// The entries in order.
    pub entries: Vec<Entry>,
    /// Where the next line goes.
    pub position: Position,
    /// Bytes up to the end of the last whole line.
    pub length: u64,
    /// The last line was torn (written in part when the power failed) and is left out.
    pub torn: bool,
}

/// A ledger that was edited or damaged. ship stops at it and never guesses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the ledger {problem}")]
pub struct Damage {
    /// Number of the line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub problem: String,
}

/// Reads a ledger and checks its chain. A torn last line (no newline, or not JSON at the very end) is dropped.
pub fn read(bytes: &[u8]) -> Result<Lines, Damage> {
    let mut lines = Lines::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let number = lines.position.seq + 1;
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            lines.torn = true;
            return Ok(lines);
        };
        let (raw, after) = (&rest[..end], &rest[end + 1..]);
        let damage = |problem: String| Damage { line: number, problem };
        let text = std::str::from_utf8(raw).map_err(|_| damage("is not text".to_owned()))?;
        let entry = decode(text).map_err(damage)?;
        if entry.seq != number {
            return Err(damage(format!("has the number {} (lines were removed or added)", entry.seq)));
        }
        if entry.prev != lines.position.hash {
            return Err(damage("does not follow from the line before it (one of the two was edited)".to_owned()));
        }
        lines.position = lines.position.after(text);
        lines.length += raw.len() as u64 + 1;
        lines.entries.push(entry);
        rest = after;
    }
    Ok(lines)
}

/// One line to an entry. The version is looked at first, so that a newer ship's line is told from a damaged one.
fn decode(text: &str) -> Result<Entry, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    match value.get("v").and_then(serde_json::Value::as_u64) {
        Some(v) if v > u64::from(VERSION) => {
            return Err(format!("has version {v}, which this ship does not know; use a newer ship"));
        }
        Some(_) => {}
        None => return Err("has no version".to_owned()),
    }
    serde_json::from_value(value).map_err(|error| format!("cannot be understood: {error}"))
}

/// Makes the line that follows a position, without its newline.
pub fn line(position: &Position, at: String, by: String, release: ReleaseNumber, event: Event) -> String {
    let entry = Entry { v: VERSION, seq: position.seq + 1, prev: position.hash.clone(), at, by, release, event };
    // Only maps with keys that are not strings could fail to serialize, and an entry has none.
    serde_json::to_string(&entry).unwrap_or_default()
}
