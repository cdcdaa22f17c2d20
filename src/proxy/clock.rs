//! Wall time, only ever to be shown.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "ship-proxy's one place that asks for the wall time; nothing is decided by it"
)]
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `2026-11-21T03:20:35.123Z`.
pub(super) fn timestamp() -> String {
    let ms = i64::try_from(now_ms()).unwrap_or_default();
    jiff::Timestamp::from_millisecond(ms).map(|time| format!("{time:.3}")).unwrap_or_default()
}
