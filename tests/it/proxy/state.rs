//! What survives a restart. FACT 9.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ship::control::Code;

use super::app::App;
use super::client::get;
use super::rig::{Rig, at, on_probation, to};

fn state(rig: &Rig) -> PathBuf {
    rig.directory.path().join("state.json")
}

fn edit(path: &std::path::Path, change: impl FnOnce(&mut Value)) {
    let mut document = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut document);
    std::fs::write(path, document.to_string()).unwrap();
}

/// Two services, each with an app.
async fn two() -> (Rig, App, App) {
    let rig = Rig::start();
    let (blog, shop) = (App::start("blog").await, App::start("shop").await);
    rig.switch("blog-production", &at(to("r1", &[blog.address]), &["blog.test"], "/")).await.unwrap();
    rig.switch("shop-production", &at(to("r5", &[shop.address]), &["shop.test"], "/")).await.unwrap();
    (rig, blog, shop)
}

#[tokio::test]
async fn fact_9_after_a_restart_all_is_served_at_once_without_a_health_check() {
    let (rig, blog, _shop) = two().await;
    let before = rig.status().await;
    blog.told.up.store(503, std::sync::atomic::Ordering::Relaxed);
    let rig = Rig::start_in(rig.kill().await);
    assert_eq!(get(rig.http, "blog.test", "/version").await.body, "blog");
    assert_eq!(get(rig.http, "shop.test", "/version").await.body, "shop");
    let after = rig.status().await;
    assert_eq!(after.generation, before.generation);
    for (before, after) in before.services.iter().zip(&after.services) {
        assert_eq!(
            (&before.service, before.generation, &before.routes),
            (&after.service, after.generation, &after.routes)
        );
    }
}

#[tokio::test]
async fn fact_9_the_file_is_only_for_its_owner_and_the_one_before_is_kept() {
    let (rig, _blog, shop) = two().await;
    let path = state(&rig);
    let first = std::fs::read_to_string(&path).unwrap();
    rig.switch("shop-production", &at(to("r6", &[shop.address]), &["shop.test"], "/")).await.unwrap();
    let before = path.with_extension("json.1");
    assert_eq!(std::fs::read_to_string(&before).unwrap(), first);
    for path in [&path, &before, &rig.directory.path().join("control.sock")] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    let mut files =
        std::fs::read_dir(rig.directory.path()).unwrap().map(|f| f.unwrap().file_name()).collect::<Vec<_>>();
    files.sort();
    assert_eq!(files, ["control.sock", "state.json", "state.json.1"]);
}

#[tokio::test]
async fn fact_9_a_damaged_service_takes_no_other_down_and_is_served_as_it_was_before() {
    let (rig, _blog, _shop) = two().await;
    let path = state(&rig);
    let directory = rig.kill().await;
    edit(&path, |document| document["services"][0]["active"]["targets"] = "?".into());
    let rig = Rig::start_in(Arc::clone(&directory));
    assert_eq!(get(rig.http, "shop.test", "/version").await.body, "shop");
    assert_eq!(get(rig.http, "blog.test", "/version").await.body, "blog", "from state.json.1");

    let directory = rig.kill().await;
    edit(&path.with_extension("json.1"), |document| document["services"] = Value::Array(Vec::new()));
    let rig = Rig::start_in(directory);
    assert_eq!(get(rig.http, "shop.test", "/version").await.body, "shop");
    assert_eq!(get(rig.http, "blog.test", "/version").await.status, 404);
    // What could not be read is kept for a person, over changes to others.
    rig.remove("shop-production").await.unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains("blog-production"));
}

#[tokio::test]
async fn fact_9_a_truncated_file_is_replaced_by_the_one_before() {
    let (rig, _blog, _shop) = two().await;
    let path = state(&rig);
    let directory = rig.kill().await;
    let whole = std::fs::read(&path).unwrap();
    for (cut, exists) in [(whole.len() / 2, true), (0, true), (0, false)] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        if !exists {
            std::fs::remove_file(&path).unwrap();
        }
        let rig = Rig::start_in(Arc::clone(&directory));
        assert_eq!(get(rig.http, "blog.test", "/version").await.body, "blog");
        rig.kill().await;
    }
    std::fs::write(&path, "").unwrap();
    std::fs::write(path.with_extension("json.1"), "").unwrap();
    let rig = Rig::start_in(directory);
    assert_eq!(rig.status().await.services, []);
}

#[tokio::test]
async fn a_restart_on_probation_puts_the_previous_release_back() {
    let rig = Rig::start();
    let (old, new) = (App::start("old").await, App::start("new").await);
    rig.switch("blog-production", &to("r1", &[old.address])).await.unwrap();
    let switch = on_probation(to("r2", &[new.address]), Duration::from_mins(10));
    let switched = rig.switch("blog-production", &switch).await.unwrap();
    let rig = Rig::start_in(rig.kill().await);
    assert_eq!(get(rig.http, "blog.test", "/version").await.body, "old");
    let service = rig.service("blog-production").await;
    assert!(service.generation > switched.generation);
    let text = "r1 was put back: ship-proxy was restarted while r2 was on probation";
    assert_eq!(service.last_event.unwrap().text, text);
    assert_eq!(rig.confirm("blog-production", switched.generation).await.unwrap_err().code, Code::Reverted);
    // And that is remembered too.
    let rig = Rig::start_in(rig.kill().await);
    assert_eq!(rig.service("blog-production").await.generation, service.generation);
}

#[tokio::test]
async fn a_restart_after_the_confirmation_keeps_the_new_release() {
    let rig = Rig::start();
    let (old, new) = (App::start("old").await, App::start("new").await);
    rig.switch("blog-production", &to("r1", &[old.address])).await.unwrap();
    let switch = on_probation(to("r2", &[new.address]), Duration::from_mins(10));
    let switched = rig.switch("blog-production", &switch).await.unwrap();
    rig.confirm("blog-production", switched.generation).await.unwrap();
    let rig = Rig::start_in(rig.kill().await);
    assert_eq!(get(rig.http, "blog.test", "/version").await.body, "new");
    rig.confirm("blog-production", switched.generation).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_written_is_not_done() {
    let (rig, blog, _shop) = two().await;
    let path = state(&rig);
    // Nothing can be renamed over a directory.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let refusal =
        rig.switch("other-production", &at(to("r1", &[blog.address]), &["other.test"], "/")).await.unwrap_err();
    assert_eq!(refusal.code, Code::Storage);
    assert_eq!(get(rig.http, "other.test", "/").await.status, 404);
    assert_eq!(rig.status().await.services.len(), 2);
}
