//! What `--json` prints: shapes of their own, so that a change of a type inside ship cannot change what scripts read.
//!
//! Every object has `"v": 1`. Within a version, fields and kinds are only added, never renamed or taken away: readers
//! pass over what they do not know.

pub mod audit;
pub mod event;
pub mod failure;
pub mod plan;
pub mod log;
pub mod releases;
pub mod status;

use serde::Serialize;

/// The version of all shapes.
pub const VERSION: u32 = 1;

/// An object on one line, without its end.
fn line(value: &impl Serialize) -> String {
    // Only maps with keys that are not strings could fail to serialize, and no shape here has one.
    serde_json::to_string(value).unwrap_or_default()
}

/// An object over several lines, for a person who reads along, with its end.
fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
