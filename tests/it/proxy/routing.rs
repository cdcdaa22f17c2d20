//! Which service gets a request, and whose routes are whose.

use hyper::StatusCode;
use ship::control::{Code, Refusal};

use super::app::App;
use super::client::get;
use super::rig::{Rig, at, name, to};

#[tokio::test]
async fn the_most_specific_host_and_the_longest_prefix_win() {
    let rig = Rig::start();
    let mut apps = Vec::new();
    for (service, domains, prefix) in [
        ("exact-production", &["blog.test"][..], "/"),
        ("api-production", &["blog.test"], "/api"),
        ("deep-production", &["blog.test"], "/api/v2/"),
        ("wild-production", &["*.blog.test"], "/"),
        ("any-production", &[], "/"),
    ] {
        let app = App::start(service.split('-').next().unwrap()).await;
        rig.switch(service, &at(to("r1", &[app.address]), domains, prefix)).await.unwrap();
        apps.push(app);
    }
    for (host, path, expected) in [
        ("blog.test", "/", "exact"),
        ("BLOG.Test", "/", "exact"),
        ("blog.test.", "/", "exact"),
        ("blog.test:8080", "/", "exact"),
        ("blog.test", "/api", "api"),
        ("blog.test", "/api?x=/api/v2", "api"),
        ("blog.test", "/api/x", "api"),
        ("blog.test", "/apix", "exact"),
        ("blog.test", "/api/v2", "deep"),
        ("blog.test", "/api/v2/x", "deep"),
        ("blog.test", "/api/v22", "api"),
        ("a.blog.test", "/", "wild"),
        ("a.blog.test", "/api", "wild"),
        ("a.b.blog.test", "/", "any"),
        ("other.test", "/", "any"),
        ("[::1]:80", "/", "any"),
    ] {
        let answer = get(rig.http, host, path).await;
        let path = path.split('?').next().unwrap();
        assert_eq!(answer.body, format!("{expected} {path}"), "{host}{path}");
    }
}

#[tokio::test]
async fn what_no_service_has_is_not_found_and_the_page_says_nothing_of_the_inside() {
    let rig = Rig::start();
    assert_eq!(get(rig.http, "blog.test", "/").await.status, StatusCode::NOT_FOUND);
    let app = App::start("r1").await;
    rig.switch("blog-production", &at(to("r1", &[app.address]), &["blog.test"], "/app")).await.unwrap();
    for (host, path) in [("other.test", "/app"), ("blog.test", "/"), ("a.blog.test", "/app")] {
        let answer = get(rig.http, host, path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{host}{path}");
        for inside in ["ship", "blog", "127.0.0.1"] {
            assert!(!answer.body.contains(inside), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_route_that_another_service_has_is_refused_with_its_owner() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    let blog = at(to("r1", &[app.address]), &["blog.test", "www.blog.test"], "/");
    rig.switch("blog-production", &blog).await.unwrap();
    let shop = at(to("r1", &[app.address]), &["shop.test", "WWW.blog.test"], "/");
    let refusal = rig.switch("shop-production", &shop).await.unwrap_err();
    assert_eq!(refusal.code, Code::Owner);
    assert_eq!(refusal.owner, Some(name("blog-production")));
    assert_eq!(refusal.message, "www.blog.test/ belongs to blog-production");
    assert_eq!(rig.status().await.services.len(), 1);

    let api = at(shop.clone(), &["blog.test"], "/api");
    rig.switch("shop-production", &api).await.unwrap();
    rig.switch("any-production", &to("r1", &[app.address])).await.unwrap();
    let refusal = rig.switch("other-production", &to("r1", &[app.address])).await.unwrap_err();
    assert_eq!(refusal.owner, Some(name("any-production")));

    rig.remove("blog-production").await.unwrap();
    rig.switch("shop-production", &shop).await.unwrap();
    assert_eq!(rig.service("shop-production").await.routes.domains, ["shop.test", "www.blog.test"]);
}

#[tokio::test]
async fn a_switch_is_checked_whole_and_every_problem_is_named() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    let good = to("r1", &[app.address]);
    let mut bad = at(good.clone(), &["blog test", "*.*.test", "a..b", "same.test", "SAME.test"], "api");
    bad.targets[0].address = "app:3000".to_owned();
    bad.health.path = "up".to_owned();
    bad.health.timeout_ms = 0;
    let refusal = rig.switch("blog-production", &bad).await.unwrap_err();
    assert_eq!(refusal.code, Code::Invalid);
    assert_eq!(refusal.problems.len(), 8, "{:#?}", refusal.problems);
    assert_eq!(refusal.message, "`app:3000` is not an IP address and a port");
    let mut none = good.clone();
    none.targets.clear();
    assert_eq!(rig.switch("blog-production", &none).await.unwrap_err().message, "there are no targets");
    assert_eq!(rig.status().await.services, []);
}

#[tokio::test]
async fn the_api_answers_what_it_does_not_know_with_stable_codes() {
    let rig = Rig::start();
    for (method, path, body, code) in [
        ("GET", "/v2/status", "", Code::UnknownPath),
        ("POST", "/v1/status", "", Code::Method),
        ("GET", "/v1/services/blog-production/switch", "", Code::Method),
        ("POST", "/v1/services/Blog/switch", "{}", Code::Invalid),
        ("POST", "/v1/services/blog-production/switch", "{", Code::Invalid),
        ("POST", "/v1/services/blog-production/switch", "{}", Code::Invalid),
        ("POST", "/v1/services/blog-production/confirm", "{\"generation\":1}", Code::UnknownService),
        ("DELETE", "/v1/services/blog-production", "", Code::UnknownService),
    ] {
        let refusal: Refusal = rig.ask::<()>(method, path, body.to_owned()).await.unwrap_err();
        assert_eq!(refusal.code, code, "{method} {path}: {refusal}");
    }
}
