//! ship's own end of the control API: the port of the effects against a whole proxy.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use ship::name::Scope;
use ship::plan::action::Switch;
use ship::ports::{PortErrorKind, Router, Switched, Target};
use ship::release::{Health, Routes, Secrets, Tls};
use ship::remote::http::{Dial, Duplex};
use ship::remote::round_trips::RoundTrips;
use ship::remote::router::ControlRouter;
use tokio::net::UnixStream;

use super::app::App;
use super::rig::Rig;

struct Socket(PathBuf, RoundTrips);

#[async_trait]
impl Dial for Socket {
    async fn dial(&self) -> io::Result<Box<dyn Duplex>> {
        Ok(Box::new(UnixStream::connect(&self.0).await?))
    }

    fn round_trips(&self) -> RoundTrips {
        self.1.clone()
    }
}

fn router(path: PathBuf) -> (ControlRouter, RoundTrips) {
    let trips = RoundTrips::new();
    (ControlRouter::new("web-1".parse().unwrap(), Box::new(Socket(path, trips.clone()))), trips)
}

fn scope() -> Scope {
    Scope { app: "blog".parse().unwrap(), environment: "production".parse().unwrap() }
}

fn switch(release: &str, generation: Option<u64>, deadline: Duration) -> Switch {
    let second = Duration::from_secs(1);
    Switch {
        release: release.parse().unwrap(),
        containers: vec!["blog-production-web-1".to_owned()],
        port: 3000,
        health: Health::Http { path: "/up".to_owned(), interval: second, timeout: second, deadline },
        routes: Routes {
            role: "web".parse().unwrap(),
            domains: vec!["blog.test".to_owned()],
            path_prefix: "/".to_owned(),
            strip_prefix: false,
            tls: Tls::Off,
            drain: second,
            response_timeout: second,
        },
        generation,
        probation: 30 * second,
    }
}

fn target(app: &App) -> Vec<Target> {
    vec![Target { name: "blog-production-web-1".to_owned(), address: app.address }]
}

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn traffic_moves_comes_back_and_stays() {
    let rig = Rig::start();
    let (router, trips) = router(rig.directory.path().join("control.sock"));
    let (one, two, scope, none) = (App::start("1").await, App::start("2").await, scope(), Secrets::new());
    assert_eq!(router.view(&scope).await.unwrap().unwrap().route, None);

    let done = router.switch(&scope, &switch("r1", None, SOON), &target(&one), &none).await.unwrap();
    let Switched::Done { generation } = done else { panic!("{done:?}") };
    router.confirm(&scope, SOON).await.unwrap();
    let before = trips.depth();
    router.switch(&scope, &switch("r2", Some(generation), SOON), &target(&two), &none).await.unwrap();
    let route = router.view(&scope).await.unwrap().unwrap().route.unwrap();
    assert_eq!((route.release.to_string(), route.healthy), ("r2".to_owned(), (1, 1)));
    assert_eq!(route.on_probation_from, Some("r1".parse().unwrap()));
    router.revert(&scope).await.unwrap();
    assert_eq!(trips.depth(), before + 3);
    router.revert(&scope).await.unwrap();
    assert_eq!(router.view(&scope).await.unwrap().unwrap().route.unwrap().release, "r1".parse().unwrap());
    assert_eq!(router.confirm(&scope, SOON).await.unwrap_err().kind, PortErrorKind::Conflict);

    let stale = router.switch(&scope, &switch("r3", Some(generation), SOON), &target(&two), &none).await;
    assert_eq!(stale.unwrap_err().kind, PortErrorKind::Conflict);
    router.remove(&scope).await.unwrap();
    router.remove(&scope).await.unwrap();
    router.revert(&scope).await.unwrap();
    assert_eq!(router.view(&scope).await.unwrap().unwrap().route, None);
}

#[tokio::test]
async fn another_ship_reverts_what_this_one_left_on_probation() {
    let rig = Rig::start();
    let path = rig.directory.path().join("control.sock");
    let (first, second) = (router(path.clone()).0, router(path).0);
    let (one, two, scope, none) = (App::start("1").await, App::start("2").await, scope(), Secrets::new());
    first.switch(&scope, &switch("r1", None, SOON), &target(&one), &none).await.unwrap();
    first.confirm(&scope, SOON).await.unwrap();
    first.switch(&scope, &switch("r2", None, SOON), &target(&two), &none).await.unwrap();
    second.revert(&scope).await.unwrap();
    assert_eq!(first.view(&scope).await.unwrap().unwrap().route.unwrap().release, "r1".parse().unwrap());
    assert_eq!(first.confirm(&scope, SOON).await.unwrap_err().kind, PortErrorKind::Conflict);
}

#[tokio::test]
async fn what_is_not_healthy_is_explained_and_changes_nothing() {
    let rig = Rig::start();
    let (router, _) = router(rig.directory.path().join("control.sock"));
    let (app, scope, none) = (App::start("1").await, scope(), Secrets::new());
    app.told.up.store(503, Ordering::Relaxed);
    let short = Duration::from_millis(300);
    let refused = router.switch(&scope, &switch("r1", None, short), &target(&app), &none).await.unwrap();
    let Switched::NotHealthy(targets) = refused else { panic!("{refused:?}") };
    let start = format!("GET http://{}/up answered 503 for 0.", app.address);
    assert!(targets[0].words.starts_with(&start) && targets[0].words.ends_with("tries)"), "{:?}", targets[0]);
    let address = app.address;
    drop(app);
    let gone = vec![Target { name: "blog-production-web-1".to_owned(), address }];
    let refused = router.switch(&scope, &switch("r1", None, short), &gone, &none).await.unwrap();
    let Switched::NotHealthy(targets) = refused else { panic!("{refused:?}") };
    assert!(targets[0].refused, "{:?}", targets[0]);
    assert_eq!(router.view(&scope).await.unwrap().unwrap().route, None);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_seen_and_not_spoken_to() {
    let directory = tempfile::TempDir::new().unwrap();
    let (router, _) = router(directory.path().join("control.sock"));
    assert_eq!(router.view(&scope()).await.unwrap(), None);
    let error = router.remove(&scope()).await.unwrap_err();
    assert!(!error.hints.is_empty(), "{}", error.one_line());
}
