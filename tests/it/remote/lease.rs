//! The lease: one holder, one writer, nothing left behind.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ship::remote::lease::{Lease, LeaseReason};

use super::server::{Server, chain};

const SCOPE: &str = "blog-production";

fn root(server: &Server) -> String {
    server.path("ship").to_str().unwrap().to_owned()
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn it_is_held_by_one_and_free_again_when_dropped() {
    let Some(server) = Server::start("") else { return };
    let (one, two, root) = (server.session().await, server.session().await, root(&server));
    let (lease, state) =
        Lease::take(&one, &root, SCOPE, "ana@laptop").await.unwrap_or_else(|e| panic!("{}", chain(&e)));
    assert!(state.ledger.is_empty() && state.records.is_empty());
    assert_eq!(one.round_trips().depth(), 2);
    let error = Lease::take(&two, &root, SCOPE, "bo@desk").await.err().unwrap();
    assert_eq!(chain(&error), "cannot take the lease of blog-production on web-1: ana@laptop is changing it");
    assert_eq!(two.read_state(&root, SCOPE).await.unwrap().held_by.as_deref(), Some("ana@laptop"));
    // Another app is another lease.
    Lease::take(&two, &root, "shop-production", "bo@desk").await.unwrap();
    let told = Mutex::new(Vec::new());
    let busy = |holder: &str| told.lock().unwrap().push(holder.to_owned());
    let release = async {
        tokio::time::sleep(Duration::from_millis(1200)).await;
        drop(lease);
    };
    let wait = Lease::wait(&two, (&root, SCOPE), "bo@desk", Duration::from_secs(10), &busy);
    let (taken, ()) = tokio::join!(wait, release);
    taken.unwrap();
    assert_eq!(*told.lock().unwrap(), ["ana@laptop"]);
    let state = one.read_state(&root, SCOPE).await.unwrap();
    assert!(state.held_by.is_none() || state.held_by.as_deref() == Some("bo@desk"));
}

#[tokio::test]
async fn what_is_written_is_there_and_nobody_else_may_read_it() {
    let Some(server) = Server::start("") else { return };
    let (session, root) = (server.session().await, root(&server));
    let (lease, _) = Lease::take(&session, &root, SCOPE, "ana@laptop").await.unwrap();
    let secret: Vec<u8> = (0..=255).cycle().take(50_000).collect();
    let lines = [r#"{"a":"b\\c 'd' $e"}"#.to_owned(), "  two  ".to_owned()];
    let before = session.round_trips().depth();
    let (one, two, three) = tokio::join!(
        lease.append(&lines),
        lease.put("releases/r1/secrets", &secret, "600"),
        lease.put("releases/r1/release.json", b"{}", "600"),
    );
    one.unwrap();
    two.unwrap();
    three.unwrap();
    assert_eq!(session.round_trips().depth() - before, 1);
    let app = server.path("ship/apps").join(SCOPE);
    assert_eq!(fs::read_to_string(app.join("ledger.jsonl")).unwrap(), format!("{}\n{}\n", lines[0], lines[1]));
    assert_eq!(fs::read(app.join("releases/r1/secrets")).unwrap(), secret);
    assert_eq!(lease.get("releases/r1/secrets").await.unwrap().unwrap(), secret);
    assert_eq!(lease.get("releases/r9/secrets").await.unwrap(), None);
    for (path, wanted) in [("", 0o700), ("ledger.jsonl", 0o600), ("releases/r1", 0o700), ("releases/r1/secrets", 0o600)]
    {
        assert_eq!(mode(&app.join(path)), wanted, "{path}");
    }
    let state = session.read_state(&root, SCOPE).await.unwrap();
    assert_eq!(state.records.keys().collect::<Vec<_>>(), ["r1"]);
    lease.cut_ledger(3).await.unwrap();
    assert_eq!(lease.get("ledger.jsonl").await.unwrap().unwrap(), &lines[0].as_bytes()[..3]);
    lease.forget_release("r1").await.unwrap();
    assert!(!app.join("releases/r1").exists());
    lease.forget_app().await.unwrap();
    assert!(!app.exists());
    assert!(!lease.lost().await.is_empty());
    let error = lease.append(&lines).await.unwrap_err();
    assert!(matches!(error.reason, LeaseReason::Lost(_)), "{}", chain(&error));
}

#[tokio::test]
async fn what_the_host_remembers_comes_with_the_lease() {
    let Some(server) = Server::start("") else { return };
    let (session, root) = (server.session().await, root(&server));
    assert_eq!(session.read_state(&root, SCOPE).await.unwrap(), ship::remote::files::State::default());
    assert!(!server.path("ship").exists(), "looking must change nothing");
    let (lease, _) = Lease::take(&session, &root, SCOPE, "ana@laptop").await.unwrap();
    lease.append(&["{}".to_owned()]).await.unwrap();
    lease.put("releases/r1/release.json", b"{\"number\":\"r1\"}", "600").await.unwrap();
    lease.release().await;
    let (_lease, state) = Lease::take(&session, &root, SCOPE, "ana@laptop").await.unwrap();
    assert_eq!(state.ledger, b"{}\n");
    assert_eq!(state.records["r1"], b"{\"number\":\"r1\"}");
}

#[tokio::test]
async fn a_failed_append_leaves_nothing() {
    let Some(server) = Server::start("") else { return };
    let (session, root) = (server.session().await, root(&server));
    let (lease, _) = Lease::take(&session, &root, SCOPE, "ana@laptop").await.unwrap();
    let ledger = server.path("ship/apps").join(SCOPE).join("ledger.jsonl");
    std::os::unix::fs::symlink("/dev/full", &ledger).unwrap();
    let error = lease.append(&["{}".to_owned()]).await.unwrap_err();
    assert!(error.reason.is_disk_full(), "{}", chain(&error));
    fs::remove_file(&ledger).unwrap();
    lease.append(&["{}".to_owned()]).await.unwrap();
    assert_eq!(fs::read_to_string(&ledger).unwrap(), "{}\n");
}

#[tokio::test]
async fn the_audit_log_needs_no_lease_and_is_put_aside_when_it_is_long() {
    let Some(server) = Server::start("") else { return };
    let (session, root) = (server.session().await, root(&server));
    session.append_audit(&root, SCOPE, "one\nline").await.unwrap();
    session.append_audit(&root, SCOPE, "two").await.unwrap();
    let log = server.path("ship/apps").join(SCOPE).join("audit.jsonl");
    assert_eq!(fs::read_to_string(&log).unwrap(), "one line\ntwo\n");
    fs::write(&log, "x".repeat(1_000_000)).unwrap();
    session.append_audit(&root, SCOPE, "three").await.unwrap();
    assert_eq!(fs::read_to_string(&log).unwrap(), "three\n");
    let path = log.to_str().unwrap();
    assert_eq!(session.read_file(&root, path).await.unwrap().unwrap(), b"three\n");
    assert_eq!(session.read_file(&root, "/nowhere").await.unwrap(), None);
}

#[tokio::test]
async fn a_holder_that_is_killed_leaves_the_lease_free() {
    let Some(server) = Server::start("") else { return };
    let (one, two, root) = (server.session().await, server.session().await, root(&server));
    let (lease, _) = Lease::take(&one, &root, SCOPE, "ana@laptop").await.unwrap();
    one.close().await;
    let started = Instant::now();
    Lease::wait(&two, (&root, SCOPE), "bo@desk", Duration::from_secs(5), &|_| ()).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(4));
    assert!(!lease.lost().await.is_empty());
}
