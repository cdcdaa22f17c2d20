//! Writes a host's ledger: chains the lines, and keeps the position that the next one follows.

use tokio::sync::Mutex;

use crate::name::ReleaseNumber;
use crate::ports::{Clock, Lease, PortResult};
use crate::release::ledger::{self, Event, Position};

/// The ledger of a host while its lease is held.
pub(super) struct Journal {
    position: Mutex<Position>,
}

impl Journal {
    pub(super) fn at(position: Position) -> Self {
        Self { position: Mutex::new(position) }
    }

    /// Appends events in one round trip.
    pub(super) async fn append(
        &self,
        lease: &dyn Lease,
        clock: &dyn Clock,
        by: &str,
        events: &[(ReleaseNumber, Event)],
    ) -> PortResult<()> {
        let mut position = self.position.lock().await;
        let mut next = position.clone();
        let mut lines = Vec::with_capacity(events.len());
        for (release, event) in events {
            let line = ledger::line(&next, clock.wall(), by.to_owned(), *release, event.clone());
            next = next.after(&line);
            lines.push(line);
        }
        lease.append(&lines).await?;
        *position = next;
        Ok(())
    }
}
