//! What the ledger's lines add up to: the state of every release on a host, and which of them a rollback may go to.

use std::collections::BTreeMap;

use super::Source;
use super::ledger::{Damage, Entry, Event, Lines, Position};
use super::state::State;
use crate::name::{Digest, ReleaseNumber};

/// The releases that a host remembers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// All of them, also pruned ones.
    pub releases: BTreeMap<ReleaseNumber, Past>,
    /// The order in which releases went live, oldest first; a release that was rolled back to stands there again.
    pub went_live: Vec<ReleaseNumber>,
    /// Where the ledger's next line goes.
    pub position: Position,
}

/// What is remembered of one release on one host.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// Its state now.
    pub state: State,
    /// Digest of its image's configuration.
    pub image: Digest,
    /// Where it came from.
    pub source: Source,
    /// Who deployed it.
    pub by: String,
    /// When it was planned (RFC 3339).
    pub planned_at: String,
    /// When it last took the traffic.
    pub live_at: Option<String>,
    /// When it last gave the traffic away.
    pub ended_at: Option<String>,
    /// Why it failed.
    pub why: Option<String>,
}

impl History {
    /// Folds a ledger. An illegal transition is damage like any other: it names its line.
    pub fn fold(lines: &Lines) -> Result<Self, Damage> {
        let mut history = Self { position: lines.position.clone(), ..Self::default() };
        for entry in &lines.entries {
            history.apply(entry)?;
        }
        Ok(history)
    }

    fn apply(&mut self, entry: &Entry) -> Result<(), Damage> {
        let damage = |problem: String| Damage { line: entry.seq, problem };
        if let Event::Planned { image, source, .. } = &entry.event {
            let past = Past {
                state: State::Planned,
                image: image.clone(),
                source: source.clone(),
                by: entry.by.clone(),
                planned_at: entry.at.clone(),
                live_at: None,
                ended_at: None,
                why: None,
            };
            return match self.releases.insert(entry.release, past) {
                None => Ok(()),
                Some(_) => Err(damage(format!("plans {} a second time", entry.release))),
            };
        }
        let Some(past) = self.releases.get_mut(&entry.release) else {
            return Err(damage(format!("speaks of {}, which was never planned", entry.release)));
        };
        let Some(transition) = entry.event.transition() else { return Ok(()) };
        past.state = past.state.next(transition).map_err(|illegal| damage(format!("is impossible: {illegal}")))?;
        match &entry.event {
            Event::Live => {
                past.live_at = Some(entry.at.clone());
                past.ended_at = None;
                self.went_live.push(entry.release);
            }
            Event::Superseded { .. } => past.ended_at = Some(entry.at.clone()),
            Event::Failed { why } => {
                past.why = Some(why.clone());
                past.ended_at = Some(entry.at.clone());
            }
            _ => {}
        }
        let live: Vec<_> = self.in_state(State::Live).collect();
        match live.as_slice() {
            // While traffic moves, the new release is live before the line that retires the old one.
            [] | [_] | [_, _] => Ok(()),
            more => Err(damage(format!("leaves {} releases live at once", more.len()))),
        }
    }

    /// The releases in a state, oldest number first.
    pub fn in_state(&self, state: State) -> impl Iterator<Item = ReleaseNumber> {
        self.releases.iter().filter(move |(_, past)| past.state == state).map(|(number, _)| *number)
    }

    /// The release that has the traffic, as the ledger means it: the one that took it last.
    pub fn live(&self) -> Option<ReleaseNumber> {
        self.went_live.iter().rev().find(|number| self.state(**number) == Some(State::Live)).copied()
    }

    /// The state of one release.
    pub fn state(&self, number: ReleaseNumber) -> Option<State> {
        self.releases.get(&number).map(|past| past.state)
    }

    /// The highest number that was ever used here.
    pub fn highest(&self) -> Option<ReleaseNumber> {
        self.releases.keys().next_back().copied()
    }

    /// Releases that a rollback can go to, the one that was live most recently first.
    pub fn candidates(&self) -> Vec<ReleaseNumber> {
        let mut seen = Vec::new();
        for number in self.went_live.iter().rev() {
            if self.state(*number) == Some(State::Retired) && !seen.contains(number) {
                seen.push(*number);
            }
        }
        seen
    }
}
