//! Setup as it is carried out: every step can fail, be lost or lie, and the next run goes on where it ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ship::apply::setup::{HostSetup, Servers, Setup, SetupError, SetupOutcome, look, run};
use ship::event::Event;
use ship::name::HostName;
use ship::plan::setup::{ServerFacts, plan};
use ship::ports::{Clock, Server};
use tokio::sync::watch;

use super::server::{FakeServer, Fault};
use super::{fresh, ready, wanted, with_engine};

struct Stopped;

#[async_trait]
impl Clock for Stopped {
    fn wall(&self) -> String {
        String::new()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep(&self, _span: Duration) {}
}

fn name(text: &str) -> HostName {
    text.parse().unwrap()
}

/// Looks, plans and runs, as the command does.
async fn set_up(servers: &Servers, events: &Mutex<Vec<Event>>, interrupted: bool) -> BTreeMap<HostName, SetupOutcome> {
    let looks = look(servers, &wanted().user).await;
    let plans: BTreeMap<_, _> = looks
        .into_iter()
        .map(|(name, facts)| {
            let steps = plan(&facts.unwrap(), &wanted()).unwrap();
            (name, HostSetup { wanted: wanted(), steps })
        })
        .collect();
    let tell = |event| events.lock().unwrap().push(event);
    let (_keep, interrupt) = watch::channel(interrupted);
    run(&plans, &Setup { servers, clock: &Stopped, tell: &tell, interrupt }).await
}

fn one(server: &Arc<FakeServer>) -> Servers {
    [(name("web-1"), Arc::clone(server) as Arc<dyn Server>)].into()
}

/// Servers as setup may find them, each with the number of its steps.
fn starts() -> Vec<(ServerFacts, usize)> {
    let used = with_engine(fresh(), |engine| (engine.containers_running, engine.live_restore) = (3, false));
    [fresh(), used]
        .into_iter()
        .map(|facts| {
            let steps = plan(&facts, &wanted()).unwrap().len();
            (facts, steps)
        })
        .collect()
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    for (facts, steps) in starts() {
        let server = Arc::new(FakeServer::new(facts));
        let outcome = set_up(&one(&server), &Mutex::default(), false).await;
        assert!(matches!(outcome[&name("web-1")], SetupOutcome::Done(_)), "{outcome:?}");
        assert_eq!(server.performed(), steps);
        set_up(&one(&server), &Mutex::default(), false).await;
        assert_eq!(server.performed(), steps, "the second run did something");
    }
}

#[tokio::test]
async fn every_step_can_fail_and_the_next_run_goes_on() {
    for (facts, steps) in starts() {
        for at in 0..steps {
            for fault in [Fault::Refused, Fault::LostAfter, Fault::Lie] {
                let server = Arc::new(FakeServer::failing(facts.clone(), at, fault));
                let outcome = set_up(&one(&server), &Mutex::default(), false).await;
                let SetupOutcome::Failed(failure) = &outcome[&name("web-1")] else {
                    panic!("{fault:?} at {at}: {outcome:?}");
                };
                if fault == Fault::Lie {
                    // Found out by a step that builds on it, or by the look at the end.
                    assert!(failure.done.len() > at, "{fault:?} at {at}: {failure:?}");
                    let at_the_end = matches!(failure.error, SetupError::Lacking(_));
                    assert_eq!(at_the_end, failure.done.len() == steps);
                } else {
                    assert_eq!(failure.done.len(), at);
                    assert_eq!(failure.output, [format!("line of step {at}")]);
                }
                let outcome = set_up(&one(&server), &Mutex::default(), false).await;
                assert!(matches!(outcome[&name("web-1")], SetupOutcome::Done(_)), "{fault:?} at {at}: {outcome:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_fails_holds_no_other_up() {
    let bad = Arc::new(FakeServer::failing(fresh(), 1, Fault::Refused));
    let good = Arc::new(FakeServer::new(fresh()));
    let servers: Servers = [(name("bad"), bad as Arc<dyn Server>), (name("good"), good as Arc<dyn Server>)].into();
    let events = Mutex::default();
    let outcome = set_up(&servers, &events, false).await;
    assert!(matches!(outcome[&name("bad")], SetupOutcome::Failed(_)));
    assert!(matches!(outcome[&name("good")], SetupOutcome::Done(_)));

    let events = events.into_inner().unwrap();
    let failed: Vec<_> = events.iter().filter(|event| matches!(event, Event::StepFailed { .. })).collect();
    assert!(
        matches!(failed[..], [Event::StepFailed { host, why, .. }] if *host == name("bad") && why == "no"),
        "{failed:?}"
    );
    let heard = events.iter().any(|event| matches!(event, Event::Output { line, .. } if line == "line of step 0"));
    assert!(heard, "output is told as it comes");
}

#[tokio::test]
async fn an_interrupt_begins_nothing_new() {
    let server = Arc::new(FakeServer::new(fresh()));
    let outcome = set_up(&one(&server), &Mutex::default(), true).await;
    assert!(matches!(&outcome[&name("web-1")], SetupOutcome::Interrupted(left) if left.len() == 9), "{outcome:?}");
    assert_eq!(server.performed(), 0);
}

#[tokio::test]
async fn a_ready_server_is_done_at_once() {
    let server = Arc::new(FakeServer::new(ready()));
    let events = Mutex::default();
    let outcome = set_up(&one(&server), &events, false).await;
    assert!(matches!(outcome[&name("web-1")], SetupOutcome::Done(_)));
    assert!(events.into_inner().unwrap().is_empty());
}
