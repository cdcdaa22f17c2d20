//! For every plan and every change that it makes: fail there, die there, interrupt there, do it twice.

use ship::release::state::State;

use super::world::{Fault, Fleet};
use super::{App, End, deploy, history, release, roll_back, serving};

const HOSTS: [&str; 2] = ["web-1", "web-2"];

/// What is done to a fleet that already serves r2 and can go back to r1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Deploy,
    RollBack,
}

impl Command {
    async fn run(self, fleet: &Fleet) -> End {
        match self {
            Self::Deploy => deploy(fleet, &App::with(&[("X", "3")])).await,
            Self::RollBack => roll_back(fleet, None).await,
        }
    }
}

async fn fleet_with_two_releases() -> Fleet {
    let fleet = Fleet::new(&HOSTS);
    deploy(&fleet, &App::with(&[("X", "1")])).await.done();
    deploy(&fleet, &App::with(&[("X", "2")])).await.done();
    fleet
}

async fn changes_of(command: Command) -> usize {
    let fleet = fleet_with_two_releases().await;
    let before = fleet.changes();
    command.run(&fleet).await.done();
    fleet.changes() - before
}

#[track_caller]
fn check_invariants(fleet: &Fleet, what: &str) {
    assert_eq!(fleet.outages(), Vec::<String>::new(), "{what}");
    for host in HOSTS {
        // Folds, or panics.
        let _ = history(fleet, host);
        assert!(serving(fleet, host).0.is_some(), "{what}: nobody serves on {host}");
    }
}

/// After whatever happened, the next deploy succeeds and leaves every host in order.
async fn next_deploy_succeeds(fleet: &Fleet, what: &str) {
    let end = deploy(fleet, &App::with(&[("X", "4")])).await;
    assert!(matches!(end, End::Done), "{what}: {end:?}");
    check_invariants(fleet, what);
    let number = history(fleet, HOSTS[0]).highest();
    for host in HOSTS {
        let (live, running) = serving(fleet, host);
        let history = history(fleet, host);
        assert_eq!((live, history.live()), (number, number), "{what} on {host}");
        assert_eq!(running.len(), 3, "{what} on {host}: {running:?}");
        assert!(history.releases.values().all(|past| !past.state.is_unfinished()), "{what} on {host}");
        assert_eq!(history.in_state(State::Live).count(), 1, "{what} on {host}");
    }
}

async fn at_every_change(command: Command, fault: Fault) {
    let count = changes_of(command).await;
    assert!(count > 10, "{command:?} makes {count} changes");
    for (change, later) in (1..=count).flat_map(|change| [(change, false), (change, true)]) {
        let when = if later { "later" } else { "at once" };
        let what = format!("{command:?}, {fault:?} at change {change} of {count}, the next command {when}");
        let fleet = fleet_with_two_releases().await;
        fleet.plant(change, fault);
        let died = fleet.died.clone();
        let end = tokio::select! {
            end = command.run(&fleet) => Some(end),
            () = died.notified() => None,
        };
        check_invariants(&fleet, &what);
        if let Some(End::Failed(failed, plan)) = &end
            && !failed.settling
        {
            for host in HOSTS {
                let (live, running) = serving(&fleet, host);
                assert_eq!(live, Some(release(2)), "{what}");
                if failed.is_undone(plan) {
                    assert!(running.iter().all(|name| name.contains("-r2-")), "{what}: {running:?}");
                }
            }
        }
        fleet.leases_end();
        if later {
            fleet.probations_end();
        }
        check_invariants(&fleet, &what);
        next_deploy_succeeds(&fleet, &what).await;
    }
}

#[tokio::test]
async fn deploy_fails_at_every_change() {
    at_every_change(Command::Deploy, Fault::Fails).await;
}

#[tokio::test]
async fn deploy_fails_after_every_change() {
    at_every_change(Command::Deploy, Fault::FailsAfterwards).await;
}

#[tokio::test]
async fn ship_dies_before_every_change_of_a_deploy() {
    at_every_change(Command::Deploy, Fault::Dies).await;
}

#[tokio::test]
async fn ship_dies_after_every_change_of_a_deploy() {
    at_every_change(Command::Deploy, Fault::DiesAfterwards).await;
}

#[tokio::test]
async fn the_user_interrupts_at_every_change_of_a_deploy() {
    at_every_change(Command::Deploy, Fault::Interrupts).await;
}

#[tokio::test]
async fn rollback_fails_at_every_change() {
    at_every_change(Command::RollBack, Fault::Fails).await;
}

#[tokio::test]
async fn rollback_fails_after_every_change() {
    at_every_change(Command::RollBack, Fault::FailsAfterwards).await;
}

#[tokio::test]
async fn ship_dies_before_every_change_of_a_rollback() {
    at_every_change(Command::RollBack, Fault::Dies).await;
}

#[tokio::test]
async fn ship_dies_after_every_change_of_a_rollback() {
    at_every_change(Command::RollBack, Fault::DiesAfterwards).await;
}

#[tokio::test]
async fn the_user_interrupts_at_every_change_of_a_rollback() {
    at_every_change(Command::RollBack, Fault::Interrupts).await;
}

#[tokio::test]
async fn every_stage_is_done_twice() {
    let fleet = fleet_with_two_releases().await;
    let end = super::command(&fleet, &|inventory| {
        let hosts: Vec<_> = inventory.keys().cloned().collect();
        let number = ship::plan::deploy::next_number(inventory);
        let mut plan = ship::plan::deploy::plan(&App::with(&[]).release(number, &hosts), inventory)?;
        for wave in plan.waves.iter_mut().chain([&mut plan.settle]) {
            for stages in wave.hosts.values_mut() {
                *stages = stages.iter().flat_map(|stage| [stage.clone(), stage.clone()]).collect();
            }
        }
        Ok(plan)
    })
    .await;
    end.done();
    check_invariants(&fleet, "twice");
    next_deploy_succeeds(&fleet, "twice").await;
}
