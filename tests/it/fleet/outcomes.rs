//! What deploys and rollbacks come to when nothing unforeseen happens.

use ship::apply::StepError;
use ship::plan::NoPlan;
use ship::release::state::State;

use super::world::Fleet;
use super::{App, End, deploy, history, release, roll_back, serving};

#[tokio::test]
async fn a_first_deploy_serves_on_every_host() {
    let fleet = Fleet::new(&["web-1", "web-2", "web-3"]);
    deploy(&fleet, &App::with(&[])).await.done();
    for host in ["web-1", "web-2", "web-3"] {
        let (live, running) = serving(&fleet, host);
        assert_eq!(live, Some(release(1)));
        assert_eq!(running.len(), 3, "{running:?}");
        assert_eq!(history(&fleet, host).live(), Some(release(1)));
        assert!(fleet.machine(host).containers.values().all(|made| made.keeps_running));
    }
}

#[tokio::test]
async fn a_rollback_restores_environment_and_stops_what_it_replaces() {
    let fleet = Fleet::new(&["web-1"]);
    deploy(&fleet, &App::with(&[("X", "1")])).await.done();
    deploy(&fleet, &App::with(&[("X", "2")])).await.done();
    roll_back(&fleet, None).await.done();
    let (live, running) = serving(&fleet, "web-1");
    assert_eq!(live, Some(release(1)));
    let machine = fleet.machine("web-1");
    assert!(running.iter().all(|name| machine.containers[name].spec.env["X"] == "1"));
    assert_eq!(running.len(), 3);
    assert_eq!(history(&fleet, "web-1").state(release(2)), Some(State::Retired));
    // And forth again: the release that was left is the one to go back to.
    roll_back(&fleet, None).await.done();
    assert_eq!(serving(&fleet, "web-1").0, Some(release(2)));
}

#[tokio::test]
async fn a_rollback_makes_containers_anew_from_the_record() {
    let fleet = Fleet::new(&["web-1"]);
    deploy(&fleet, &App::with(&[("X", "1")])).await.done();
    deploy(&fleet, &App::with(&[("X", "2")])).await.done();
    fleet.edit("web-1", |machine| machine.containers.retain(|name, _| !name.contains("-r1-")));
    roll_back(&fleet, Some(1)).await.done();
    let machine = fleet.machine("web-1");
    assert_eq!(machine.containers["blog-production-web-r1-1"].spec.env["X"], "1");
    assert_eq!(machine.containers["blog-production-web-r1-1"].spec.secret_names, ["TOKEN"]);
}

#[tokio::test]
async fn old_releases_are_pruned_and_what_a_rollback_needs_is_kept() {
    let fleet = Fleet::new(&["web-1"]);
    let app = App { keep: Some(2), ..App::with(&[]) };
    for _ in 0..5 {
        deploy(&fleet, &app).await.done();
    }
    let machine = fleet.machine("web-1");
    let history = history(&fleet, "web-1");
    let states: Vec<_> = (1..=5).map(|number| history.state(release(number)).unwrap()).collect();
    assert_eq!(states, [State::Pruned, State::Pruned, State::Retired, State::Retired, State::Live]);
    assert_eq!(machine.images.len(), 3);
    assert_eq!(machine.records.len(), 3);
    assert_eq!(machine.containers.len(), 9);
}

#[tokio::test]
async fn a_bad_release_leaves_the_old_one_and_says_why() {
    for (how, expected) in [
        ("503", "GET http://172.18.0.2:3000/up answered 503"),
        ("exits", "exited with code 1"),
        ("migration", "the release command ended with exit code 1"),
    ] {
        let fleet = Fleet::new(&["web-1", "web-2"]);
        deploy(&fleet, &App::with(&[])).await.done();
        let End::Failed(failed, plan) = deploy(&fleet, &App::with(&[("MISBEHAVE", how)])).await else {
            panic!("{how} went live");
        };
        let why = failed.failures[0].error.one_line();
        assert!(why.contains(expected), "{how}: {why}");
        assert!(failed.is_undone(&plan), "{failed:?}");
        assert!(!matches!(failed.failures[0].error, StepError::Stopped));
        for host in ["web-1", "web-2"] {
            let (live, running) = serving(&fleet, host);
            assert_eq!(live, Some(release(1)), "{how}");
            assert!(running.iter().all(|name| name.contains("-r1-")), "{how}: {running:?}");
            assert_eq!(history(&fleet, host).state(release(2)), Some(State::Failed));
        }
        assert_eq!(fleet.outages(), Vec::<String>::new());
        // A failed release is no target for a rollback, and the reason is said.
        let End::NoPlan(NoPlan::NotRetired { state, .. }) = roll_back(&fleet, Some(2)).await else { panic!() };
        assert!(state.contains(expected), "{state}");
    }
}

#[tokio::test]
async fn a_role_that_left_a_host_stops_there() {
    let fleet = Fleet::new(&["web-1", "web-2"]);
    deploy(&fleet, &App::with(&[])).await.done();
    let end = super::command(&fleet, &|inventory| {
        let only = vec!["web-1".parse().unwrap()];
        let number = ship::plan::deploy::next_number(inventory);
        ship::plan::deploy::plan(&App::with(&[]).release(number, &only), inventory)
    })
    .await;
    end.done();
    assert_eq!(serving(&fleet, "web-2"), (None, Vec::new()));
    assert_eq!(serving(&fleet, "web-1").0, Some(release(2)));
}

#[tokio::test]
async fn nothing_before_the_first_release() {
    let fleet = Fleet::new(&["web-1"]);
    assert!(matches!(roll_back(&fleet, None).await, End::NoPlan(NoPlan::NothingBefore { .. })));
    deploy(&fleet, &App::with(&[])).await.done();
    assert!(matches!(roll_back(&fleet, None).await, End::NoPlan(NoPlan::NothingBefore { .. })));
    assert!(matches!(roll_back(&fleet, Some(9)).await, End::NoPlan(NoPlan::Unknown { .. })));
}

#[tokio::test]
async fn a_damaged_ledger_stops_the_command_and_names_the_line() {
    let fleet = Fleet::new(&["web-1"]);
    deploy(&fleet, &App::with(&[])).await.done();
    fleet.edit("web-1", |machine| {
        let text = String::from_utf8(machine.ledger.clone()).unwrap().replace("ana@laptop", "bob@laptop");
        machine.ledger = text.into_bytes();
    });
    let End::NoPlan(NoPlan::Damaged { problem, .. }) = deploy(&fleet, &App::with(&[])).await else { panic!() };
    assert!(problem.starts_with("line 2 of the ledger does not follow"), "{problem}");
}

#[tokio::test]
async fn a_torn_last_line_is_dropped() {
    let fleet = Fleet::new(&["web-1"]);
    deploy(&fleet, &App::with(&[])).await.done();
    fleet.edit("web-1", |machine| machine.ledger.extend(b"{\"v\":1,\"seq\":5,\"pr"));
    deploy(&fleet, &App::with(&[])).await.done();
    assert_eq!(history(&fleet, "web-1").live(), Some(release(2)));
}
