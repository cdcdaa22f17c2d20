//! What an interrupted command left behind, and how the next one carries on: by looking, never by guessing. Users are
//! served by whatever ship-proxy routes to, so that is the truth to which ledger and containers are brought back.

use crate::inventory::{Container, HostInventory, Status};
use crate::name::ReleaseNumber;
use crate::release::history::History;
use crate::release::ledger::Event;
use crate::release::state::State;

use super::Stage;
use super::action::Action;

/// What has to be done on a host before a plan can begin, and what the host is like then.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovered {
    /// In order; empty on a host where nothing was interrupted.
    pub stages: Vec<Stage>,
    /// The release that serves after that.
    pub live: Option<ReleaseNumber>,
    /// The route's generation after that, if it can be known beforehand.
    pub generation: Option<u64>,
}

/// Looks at a host whose ledger can be trusted.
pub fn host(inventory: &HostInventory, history: &History) -> Recovered {
    let route = inventory.proxy.as_ref().and_then(|proxy| proxy.route.as_ref());
    let back = route.and_then(|route| route.on_probation_from);
    let serving = back.or(route.map(|route| route.release)).or_else(|| history.live());
    let mut first = Vec::new();
    if back.is_some() {
        first.push(Action::Revert);
    }
    let mut second = Vec::new();
    let events = corrections(history, serving);
    if !events.is_empty() {
        second.push(Action::Record(events));
    }
    // What was interrupted may have asked the engine for a start that the look came too early to see.
    let may_start = |container: &&Container| history.state(container.labels.release).is_some_and(State::is_unfinished);
    let runs =
        |container: &&Container| matches!(container.status, Status::Running | Status::Restarting | Status::Paused);
    let strays: Vec<String> = inventory
        .containers
        .iter()
        .filter(|container| Some(container.labels.release) != serving)
        .filter(|container| runs(container) || may_start(container))
        .map(|container| container.name.clone())
        .collect();
    if !strays.is_empty() {
        second.push(Action::Stop { containers: strays });
    }
    Recovered {
        stages: [first, second].into_iter().filter(|actions| !actions.is_empty()).map(Stage).collect(),
        live: serving,
        generation: if back.is_some() { None } else { route.map(|route| route.generation) },
    }
}

/// The events that make the ledger mean what serves.
fn corrections(history: &History, serving: Option<ReleaseNumber>) -> Vec<(ReleaseNumber, Event)> {
    let mut events = Vec::new();
    if let Some(number) = serving {
        let state = history.state(number);
        let missing: &[Event] = match state {
            Some(State::Planned) => &[Event::Staged, Event::Healthy, Event::Live],
            Some(State::Staged | State::Retired) => &[Event::Healthy, Event::Live],
            Some(State::Healthy) => &[Event::Live],
            Some(State::Live | State::Failed | State::Pruned) | None => &[],
        };
        events.extend(missing.iter().map(|event| (number, event.clone())));
        events.extend(
            history
                .in_state(State::Live)
                .filter(|live| *live != number)
                .map(|live| (live, Event::Superseded { by: number })),
        );
    }
    for (number, past) in &history.releases {
        if past.state.is_unfinished() && Some(*number) != serving {
            events.push((*number, Event::Failed { why: "it was interrupted".to_owned() }));
        }
    }
    events
}
