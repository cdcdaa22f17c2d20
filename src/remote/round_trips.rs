//! Counts how often a command had to wait for a host, one after the other. Waiting is the cost of a deploy over a slow
//! link, and what is asked at the same time costs once: the count is the depth of the longest chain of answers that
//! depended on each other, as Lamport's clocks count, not the number of requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The depth so far of one connection; clones count together.
#[derive(Debug, Clone, Default)]
pub struct RoundTrips(Arc<AtomicU64>);

impl RoundTrips {
    /// Starts from nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// To be called when a request is sent.
    pub fn begin(&self) -> Waiting {
        Waiting { trips: self.clone(), since: self.depth() }
    }

    /// How many round trips followed each other.
    pub fn depth(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request that was sent and not yet answered.
#[derive(Debug)]
#[must_use = "a request that is never answered does not count"]
pub struct Waiting {
    trips: RoundTrips,
    since: u64,
}

impl Waiting {
    /// The answer is here, after this many round trips.
    pub fn end(self, cost: u64) {
        self.trips.0.fetch_max(self.since.saturating_add(cost), Ordering::Relaxed);
    }
}
