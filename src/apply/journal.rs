//! Writes a host's ledger: chains the lines, and keeps the position that the next one follows.

use tokio::sync::Mutex;

use crate::name::ReleaseNumber;
use crate::ports::{Clock, Lease, PortError, PortResult};
use crate::release::ledger::{self, Event, Position};

/// The ledger of a host while its lease is held.
pub(super) struct Journal {
    written: Mutex<Written>,
}

struct Written {
    position: Position,
    /// What this run has recorded: recording it again changes nothing, so that an action can be done twice.
    events: Vec<(ReleaseNumber, Event)>,
    /// An append failed, and it is not known how much of it was written.
    in_doubt: bool,
}

impl Journal {
    pub(super) fn at(position: Position) -> Self {
        Self { written: Mutex::new(Written { position, events: Vec::new(), in_doubt: false }) }
    }

    /// Appends events in one round trip.
    pub(super) async fn append(
        &self,
        lease: &dyn Lease,
        clock: &dyn Clock,
        by: &str,
        events: &[(ReleaseNumber, Event)],
    ) -> PortResult<()> {
        let mut written = self.written.lock().await;
        if written.in_doubt {
            written.look(lease).await?;
        }
        let mut next = written.position.clone();
        let mut lines = Vec::with_capacity(events.len());
        let fresh: Vec<_> = events.iter().filter(|event| !written.events.contains(event)).cloned().collect();
        for (release, event) in &fresh {
            let line = ledger::line(&next, clock.wall(), by.to_owned(), *release, event.clone());
            next = next.after(&line);
            lines.push(line);
        }
        if lines.is_empty() {
            return Ok(());
        }
        written.in_doubt = true;
        lease.append(&lines).await?;
        written.in_doubt = false;
        written.position = next;
        written.events.extend(fresh);
        Ok(())
    }
}

impl Written {
    /// After a failed append: what is really there, so that the chain goes on from it.
    async fn look(&mut self, lease: &dyn Lease) -> PortResult<()> {
        let bytes = lease.ledger().await?;
        let lines = ledger::read(&bytes).map_err(|damage| PortError::refused("read the ledger again", damage))?;
        if lines.torn {
            lease.cut_ledger(lines.length).await?;
        }
        let since = lines.entries.into_iter().filter(|entry| entry.seq > self.position.seq);
        self.events.extend(since.map(|entry| (entry.release, entry.event)));
        self.position = lines.position;
        self.in_doubt = false;
        Ok(())
    }
}
