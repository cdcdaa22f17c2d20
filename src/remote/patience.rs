//! A deadline that is for the server alone.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use super::wire::Loss;

/// A deadline for the server alone: while a person is asked, its time stands still.
pub(super) struct Patience {
    limit: Duration,
    loss: Loss,
    people: AtomicUsize,
    asked: AtomicBool,
}

impl Patience {
    pub(super) fn new(limit: Duration, loss: Loss) -> Self {
        Self { limit, loss, people: AtomicUsize::new(0), asked: AtomicBool::new(false) }
    }

    pub(super) fn loss(&self) -> &Loss {
        &self.loss
    }

    pub(super) fn seconds(&self) -> u64 {
        self.limit.as_secs()
    }

    /// Someone may have been asked.
    pub(super) fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Time stands still until this is dropped.
    pub(super) fn person(&self) -> impl Drop + '_ {
        self.asked.store(true, Ordering::Relaxed);
        self.people.fetch_add(1, Ordering::Relaxed);
        Person(self)
    }

    /// What the work comes to, or `None` if the server took too long.
    pub(super) async fn during<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        const TICK: Duration = Duration::from_millis(100);
        let mut work = pin!(work);
        let mut left = self.limit;
        loop {
            match timeout(TICK, &mut work).await {
                Ok(value) => return Some(value),
                Err(_) if self.people.load(Ordering::Relaxed) > 0 => {}
                Err(_) => left = left.saturating_sub(TICK),
            }
            if left.is_zero() {
                return None;
            }
        }
    }
}

struct Person<'a>(&'a Patience);

impl Drop for Person<'_> {
    fn drop(&mut self) {
        self.0.people.fetch_sub(1, Ordering::Relaxed);
    }
}
