//! What an image is built for, as `docker build --platform` takes it.

use super::text;
use crate::config::reader::{Complaint, Value};

/// `linux/amd64`, `linux/arm64`, `linux/arm/v7`.
pub(crate) fn platform(value: &Value<'_>) -> Result<String, Complaint> {
    let written = text::word(value)?;
    let parts: Vec<&str> = written.split('/').collect();
    let legal = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if parts.first() == Some(&"linux") && (2..=3).contains(&parts.len()) && parts.iter().all(legal) {
        return Ok(written);
    }
    let architecture = match parts.last() {
        Some(&("x86_64" | "x86-64" | "amd64")) => Some("linux/amd64"),
        Some(&("aarch64" | "arm64")) => Some("linux/arm64"),
        _ => None,
    };
    Err(Complaint::new(format!("`{written}` is not a platform such as \"linux/amd64\" or \"linux/arm64\""))
        .maybe_hint(architecture.map(|platform| format!("write {} = \"{platform}\"", value.key))))
}
