//! Lets a release that was replaced finish what it has begun.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::target::{Cut, Targets};
use crate::control::Drained;

/// What is cut is closed one after the other over this time, so that websocket and event stream clients do not all
/// come back at the same moment.
const LONGEST_WINDOW: Duration = Duration::from_secs(2);

/// After the last was told to close.
const AFTER_CUT: Duration = Duration::from_millis(2500);

/// Waits until no request is in flight on these targets, and closes what is left when the time is over. Nothing leads
/// to them any more when this is called.
pub(super) async fn drain(targets: Arc<Targets>, limit: Duration) -> Drained {
    let began = Instant::now();
    targets.retire();
    let in_flight = targets.in_flight();
    let mut cut = 0;
    if tokio::time::timeout(limit, targets.calm()).await.is_err() {
        cut = targets.in_flight();
        let window = (limit / 4).min(LONGEST_WINDOW);
        targets.cut(Cut { window });
        // Who does not end even now (a client that does not read) is not waited for.
        let _ = tokio::time::timeout(window + AFTER_CUT, targets.calm()).await;
    }
    Drained {
        finished: in_flight.saturating_sub(cut),
        cut,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}
