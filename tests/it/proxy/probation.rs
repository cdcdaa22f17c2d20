//! The transaction that users would notice: switched, on probation, confirmed or taken back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ship::control::{Code, Drained, TargetState};

use super::app::App;
use super::client::get;
use super::rig::{Rig, at, on_probation, to};

const LONG: Duration = Duration::from_mins(10);

async fn serving(rig: &Rig) -> String {
    get(rig.http, "blog.test", "/version").await.body
}

#[tokio::test]
async fn a_confirmed_release_stays_and_the_previous_one_is_drained() {
    let rig = Rig::start();
    let (old, new) = (App::start("old").await, App::start("new").await);
    let first = rig.switch("blog-production", &to("r1", &[old.address])).await.unwrap();
    assert_eq!(first.previous, None);
    let second = rig.switch("blog-production", &on_probation(to("r2", &[new.address]), LONG)).await.unwrap();
    assert_eq!(second.previous, Some("r1".parse().unwrap()));
    assert!(second.generation > first.generation);
    assert_eq!(second.checks.len(), 1);
    assert!(second.checks[0].tries >= 2);
    assert_eq!(serving(&rig).await, "new");

    let status = rig.service("blog-production").await;
    let probation = status.probation.unwrap();
    assert!(probation.remaining_ms > 500_000);
    let previous = probation.previous.unwrap();
    assert_eq!((previous.release, previous.targets[0].state), ("r1".parse().unwrap(), TargetState::Healthy));

    rig.confirm("blog-production", second.generation).await.unwrap();
    rig.confirm("blog-production", second.generation).await.unwrap();
    let status = rig.service("blog-production").await;
    assert_eq!((status.probation, status.generation), (None, second.generation));
    let checks = old.told.checks.load(Ordering::Relaxed);
    assert_eq!(serving(&rig).await, "new");
    assert_eq!(rig.revert("blog-production", second.generation).await.unwrap_err().code, Code::Final);
    assert_eq!(old.told.checks.load(Ordering::Relaxed), checks, "a drained release is not checked any more");
}

#[tokio::test]
async fn a_switch_that_nobody_confirms_is_taken_back() {
    let rig = Rig::start();
    let (old, new) = (App::start("old").await, App::start("new").await);
    rig.switch("blog-production", &to("r1", &[old.address])).await.unwrap();
    let switch = on_probation(to("r2", &[new.address]), Duration::from_millis(200));
    let switched = rig.switch("blog-production", &switch).await.unwrap();
    assert_eq!(serving(&rig).await, "new");
    let status = rig.until("blog-production", |service| service.probation.is_none()).await;
    assert_eq!(serving(&rig).await, "old");
    assert!(status.generation > switched.generation);
    assert_eq!(status.last_event.unwrap().text, "r1 was put back: r2 was not confirmed within 200ms");

    let refusal = rig.confirm("blog-production", switched.generation).await.unwrap_err();
    assert_eq!(refusal.code, Code::Reverted);
    assert_eq!(refusal.message, "r1 was put back: r2 was not confirmed within 200ms");
    let reverted = rig.revert("blog-production", switched.generation).await.unwrap();
    assert_eq!((reverted.release, reverted.generation), (Some("r1".parse().unwrap()), status.generation));
}

#[tokio::test]
async fn fact_10_a_release_that_fails_on_probation_is_taken_back() {
    let rig = Rig::start();
    let (old, new) = (App::start("old").await, App::start("new").await);
    rig.switch("blog-production", &to("r1", &[old.address])).await.unwrap();
    rig.switch("blog-production", &on_probation(to("r2", &[new.address]), LONG)).await.unwrap();
    assert_eq!(serving(&rig).await, "new");
    new.told.up.store(500, Ordering::Relaxed);
    let status = rig.until("blog-production", |service| service.probation.is_none()).await;
    assert_eq!(serving(&rig).await, "old");
    let event = status.last_event.unwrap().text;
    let expected = format!(
        "r1 was put back: r2 failed: r2.1 failed 3 checks in a row: GET http://{}/up answered 500: up says 500 \
         Internal Server Error",
        new.address
    );
    assert_eq!(event, expected);
}

#[tokio::test]
async fn a_release_that_dies_on_probation_is_taken_back() {
    let rig = Rig::start();
    let (old, new) = (App::start("old").await, App::start("new").await);
    rig.switch("blog-production", &to("r1", &[old.address])).await.unwrap();
    rig.switch("blog-production", &on_probation(to("r2", &[new.address]), LONG)).await.unwrap();
    drop(new);
    rig.until("blog-production", |service| service.probation.is_none()).await;
    assert_eq!(serving(&rig).await, "old");
}

#[tokio::test]
async fn a_revert_puts_back_routes_too_and_can_be_sent_twice() {
    let rig = Rig::start();
    let (old, new) = (App::start("old").await, App::start("new").await);
    rig.switch("blog-production", &at(to("r1", &[old.address]), &["blog.test"], "/")).await.unwrap();
    let moved = at(on_probation(to("r2", &[new.address]), LONG), &["new.test"], "/");
    let switched = rig.switch("blog-production", &moved).await.unwrap();
    assert_eq!(get(rig.http, "blog.test", "/version").await.status, 404);
    let thief = at(to("r1", &[old.address]), &["blog.test"], "/");
    let refusal = rig.switch("thief-production", &thief).await.unwrap_err();
    assert_eq!(refusal.code, Code::Owner, "what could be put back is not given away");

    let reverted = rig.revert("blog-production", switched.generation).await.unwrap();
    assert_eq!(reverted.release, Some("r1".parse().unwrap()));
    assert_eq!(rig.revert("blog-production", switched.generation).await.unwrap(), reverted);
    assert_eq!(serving(&rig).await, "old");
    assert_eq!(get(rig.http, "new.test", "/version").await.status, 404);
}

#[tokio::test]
async fn the_release_kept_ready_is_always_the_last_confirmed_one() {
    let rig = Rig::start();
    let apps = [App::start("one").await, App::start("two").await, App::start("three").await];
    rig.switch("blog-production", &to("r1", &[apps[0].address])).await.unwrap();
    rig.switch("blog-production", &on_probation(to("r2", &[apps[1].address]), LONG)).await.unwrap();
    let third = rig.switch("blog-production", &on_probation(to("r3", &[apps[2].address]), LONG)).await.unwrap();
    assert_eq!(third.previous, Some("r1".parse().unwrap()));
    assert_eq!(serving(&rig).await, "three");
    // The same once more, as after a lost connection.
    let third = rig.switch("blog-production", &on_probation(to("r3", &[apps[2].address]), LONG)).await.unwrap();
    assert_eq!(third.previous, Some("r1".parse().unwrap()));
    rig.revert("blog-production", third.generation).await.unwrap();
    assert_eq!(serving(&rig).await, "one");
}

#[tokio::test]
async fn a_first_release_stays_unless_it_is_reverted() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    let switch = on_probation(to("r1", &[app.address]), Duration::from_millis(50));
    rig.switch("blog-production", &switch).await.unwrap();
    let status = rig.until("blog-production", |service| service.probation.is_none()).await;
    assert!(status.last_event.unwrap().text.starts_with("r1 stays, though it was not confirmed within 50ms"));
    assert_eq!(serving(&rig).await, "r1");

    rig.remove("blog-production").await.unwrap();
    let switched = rig.switch("blog-production", &on_probation(switch, LONG)).await.unwrap();
    let reverted = rig.revert("blog-production", switched.generation).await.unwrap();
    assert_eq!((reverted.generation, reverted.release), (0, None));
    assert_eq!(rig.status().await.services, []);
    assert_eq!(get(rig.http, "blog.test", "/").await.status, 404);
}

#[tokio::test]
async fn whoever_was_overtaken_is_refused() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    let expecting = |release, generation| {
        let mut switch = to(release, &[app.address]);
        switch.expected_generation = Some(generation);
        switch
    };
    let refusal = rig.switch("blog-production", &expecting("r1", 7)).await.unwrap_err();
    assert_eq!((refusal.code, refusal.generation), (Code::Generation, Some(0)));
    let first = rig.switch("blog-production", &expecting("r1", 0)).await.unwrap().generation;
    let refusal = rig.switch("blog-production", &expecting("r1", 0)).await.unwrap_err();
    assert_eq!((refusal.code, refusal.generation), (Code::Generation, Some(first)));
    let second = rig.switch("blog-production", &expecting("r2", first)).await.unwrap().generation;
    for refusal in [
        rig.switch("blog-production", &expecting("r3", first)).await.unwrap_err(),
        rig.confirm("blog-production", first).await.unwrap_err(),
        rig.revert("blog-production", first).await.unwrap_err(),
    ] {
        assert_eq!((refusal.code, refusal.generation), (Code::Generation, Some(second)), "{refusal}");
    }
}

#[tokio::test]
async fn of_two_switches_at_the_same_time_one_is_refused() {
    let rig = Rig::start();
    let apps = [App::start("old").await, App::start("a").await, App::start("b").await];
    let generation = rig.switch("blog-production", &to("r1", &[apps[0].address])).await.unwrap().generation;
    let mut switches = [to("r2", &[apps[1].address]), to("r2", &[apps[2].address])];
    for switch in &mut switches {
        switch.expected_generation = Some(generation);
    }
    let [a, b] = &switches;
    let results = tokio::join!(rig.switch("blog-production", a), rig.switch("blog-production", b));
    let (winner, refusal) = match results {
        (Ok(_), Err(refusal)) => ("a", refusal),
        (Err(refusal), Ok(_)) => ("b", refusal),
        both => panic!("{both:?}"),
    };
    assert_eq!(refusal.code, Code::Generation);
    assert_eq!(serving(&rig).await, winner);
}

#[tokio::test]
async fn a_confirm_answers_when_the_last_request_has_ended() {
    let rig = Rig::start();
    let (old, new) = (App::start("old").await, App::start("new").await);
    rig.switch("blog-production", &to("r1", &[old.address])).await.unwrap();
    let http = rig.http;
    let slow = tokio::spawn(async move { get(http, "blog.test", "/slow?400").await });
    while old.told.seen.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let switched = rig.switch("blog-production", &on_probation(to("r2", &[new.address]), LONG)).await.unwrap();
    let drained = rig.confirm("blog-production", switched.generation).await.unwrap();
    assert_eq!(slow.await.unwrap().body, "old");
    assert_eq!((drained.finished, drained.cut), (1, 0));
    assert!(drained.took_ms > 50, "{drained:?}");
    let again: Drained = rig.confirm("blog-production", switched.generation).await.unwrap();
    assert_eq!(again, drained);
}
