//! Health checks: what they need to pass, what they report, and that they go on. FACTS 2 and 10.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ship::control::{CheckFailure, Code, Refusal, TargetState};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::app::{self, App};
use super::client::get;
use super::rig::{Rig, at, to};

/// A switch to this target that is refused, while the old release goes on serving.
async fn refused(address: std::net::SocketAddr, deadline_ms: u64) -> Refusal {
    let rig = Rig::start();
    let old = App::start("old").await;
    let before = rig.switch("blog-production", &to("r1", &[old.address])).await.unwrap();
    let mut switch = to("r2", &[old.address, address]);
    switch.health.deadline_ms = deadline_ms;
    switch.health.timeout_ms = 150;
    let refusal = rig.switch("blog-production", &switch).await.unwrap_err();
    assert_eq!(refusal.code, Code::Unhealthy);
    assert_eq!(refusal.targets.len(), 2);
    assert_eq!(refusal.targets[0].failure, None, "the other target passed");
    assert_eq!(get(rig.http, "blog.test", "/version").await.body, "old");
    assert_eq!(rig.service("blog-production").await.generation, before.generation);
    refusal
}

async fn failure(address: std::net::SocketAddr) -> CheckFailure {
    refused(address, 300).await.targets[1].failure.clone().unwrap()
}

/// An app that answers every request with these bytes.
async fn answering(bytes: &'static [u8]) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = app::read_head(&mut stream).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    address
}

#[tokio::test]
async fn an_error_status_is_reported_with_the_start_of_its_body() {
    let app = App::start("bad").await;
    app.told.up.store(503, Ordering::Relaxed);
    let refusal = refused(app.address, 400).await;
    let report = &refusal.targets[1];
    let body = "up says 503 Service Unavailable".to_owned();
    assert_eq!(report.failure, Some(CheckFailure::Status { status: 503, body }));
    assert!(report.tries >= 5 && report.over_ms >= 400, "{report:?}");
    assert_eq!((report.target.as_str(), report.path.as_str()), ("r2.2", "/up"));
    let expected = format!("r2 did not become healthy: GET http://{}/up answered 503: up says 503", app.address);
    assert!(refusal.message.starts_with(&expected), "{}", refusal.message);
}

#[tokio::test]
async fn a_long_body_is_cut_at_512_bytes_and_an_endless_one_hides_nothing() {
    let long = Box::leak(format!("HTTP/1.1 500 No\r\n\r\n{}", "x".repeat(2000)).into_boxed_str());
    let expected = CheckFailure::Status { status: 500, body: "x".repeat(512) };
    assert_eq!(failure(answering(long.as_bytes()).await).await, expected);
    let endless = answering(b"HTTP/1.1 500 No\r\ncontent-length: 9\r\n\r\n").await;
    assert!(matches!(failure(endless).await, CheckFailure::Status { status: 500, .. }));
}

#[tokio::test]
async fn fact_10_a_redirect_is_not_followed_and_is_reported() {
    let app = App::start("bad").await;
    app.told.up.store(302, Ordering::Relaxed);
    let location = "https://login.test/".to_owned();
    assert_eq!(failure(app.address).await, CheckFailure::Redirect { status: 302, location });
}

#[tokio::test]
async fn a_port_on_which_nothing_listens_is_reported() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(failure(address).await, CheckFailure::Refused);
}

#[tokio::test]
async fn an_app_that_accepts_and_is_silent_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert_eq!(failure(listener.local_addr().unwrap()).await, CheckFailure::TimedOut);
}

#[tokio::test]
async fn an_app_that_hangs_up_or_does_not_speak_http_is_reported() {
    assert_eq!(failure(answering(b"").await).await, CheckFailure::Closed);
    assert!(matches!(failure(answering(b"SSH-2.0-OpenSSH_9.2\r\n").await).await, CheckFailure::Malformed { .. }));
}

#[tokio::test]
async fn fact_2_one_pass_is_not_enough() {
    let rig = Rig::start();
    // Passes every other time.
    let app = App::start("flapping").await;
    let told = std::sync::Arc::clone(&app.told);
    let flapping = tokio::spawn(async move {
        loop {
            let checks = told.checks.load(Ordering::Relaxed);
            told.up.store(if checks % 2 == 0 { 200 } else { 503 }, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let mut switch = to("r1", &[app.address]);
    switch.health.deadline_ms = 600;
    let refusal = rig.switch("blog-production", &switch).await.unwrap_err();
    flapping.abort();
    assert!(refusal.targets[0].tries >= 4, "{refusal:?}");
}

#[tokio::test]
async fn fact_2_a_slow_start_is_waited_for_and_a_fast_one_is_live_fast() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    app.told.up.store(503, Ordering::Relaxed);
    let told = std::sync::Arc::clone(&app.told);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        told.up.store(200, Ordering::Relaxed);
    });
    let mut switch = to("r1", &[app.address]);
    switch.health.interval_ms = 1000;
    let slow = rig.switch("blog-production", &switch).await.unwrap();
    assert!((300..1500).contains(&slow.checks[0].took_ms), "{slow:?}");
    let fast = rig.switch("blog-production", &switch).await.unwrap();
    assert!(fast.checks[0].took_ms < 300 && fast.checks[0].tries == 2, "{fast:?}");
}

#[tokio::test]
async fn fact_10_checks_go_on_and_a_failing_target_gets_no_requests_until_it_passes() {
    let rig = Rig::start();
    let (good, bad) = (App::start("good").await, App::start("bad").await);
    rig.switch("blog-production", &to("r1", &[good.address, bad.address])).await.unwrap();
    bad.told.up.store(503, Ordering::Relaxed);
    let is = |state| move |service: &ship::control::ServiceStatus| service.active.targets[1].state == state;
    let status = rig.until("blog-production", is(TargetState::Unhealthy)).await;
    assert!(matches!(status.active.targets[1].failure, Some(CheckFailure::Status { status: 503, .. })));
    for _ in 0..6 {
        assert_eq!(get(rig.http, "blog.test", "/version").await.body, "good");
    }
    bad.told.up.store(200, Ordering::Relaxed);
    rig.until("blog-production", is(TargetState::Healthy)).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..4 {
        seen.insert(get(rig.http, "blog.test", "/version").await.body);
    }
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn if_no_target_is_healthy_all_of_them_get_requests() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    rig.switch("blog-production", &to("r1", &[app.address])).await.unwrap();
    app.told.up.store(503, Ordering::Relaxed);
    rig.until("blog-production", |service| service.active.targets[0].state == TargetState::Unhealthy).await;
    assert_eq!(get(rig.http, "blog.test", "/version").await.body, "r1");
}

#[tokio::test]
async fn fact_10_checks_come_as_users_do() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    rig.switch("blog-production", &at(to("r1", &[app.address]), &["blog.test", "www.blog.test"], "/")).await.unwrap();
    let checks = app.told.seen_checks.lock().unwrap().clone();
    assert_eq!(checks[0]["host"], "blog.test");
    assert_eq!(checks[0]["x-forwarded-proto"], "http");
    assert!(checks.len() >= 3, "two passes and one more look");
}

#[tokio::test]
async fn a_caller_who_hangs_up_while_targets_are_checked_changes_nothing() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    app.told.up.store(503, Ordering::Relaxed);
    let switch = to("r1", &[app.address]);
    let asked = tokio::time::timeout(Duration::from_millis(100), rig.switch("blog-production", &switch)).await;
    assert!(asked.is_err());
    app.told.up.store(200, Ordering::Relaxed);
    let checks = app.told.checks.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(rig.status().await.services, []);
    assert!(app.told.checks.load(Ordering::Relaxed) <= checks + 1);
}
