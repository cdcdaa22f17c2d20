//! The lease: one holder, one writer, nothing left behind.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ship::config::Host;
use ship::remote::command::Command;
use ship::remote::lease::{Lease, LeaseReason};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::server::{Person, Server, chain, connect};

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
    let someone_waits = tokio::sync::Notify::new();
    let busy = |holder: &str| {
        told.lock().unwrap().push(holder.to_owned());
        someone_waits.notify_one();
    };
    let release = async {
        someone_waits.notified().await;
        drop(lease);
    };
    let wait = Lease::wait(&two, (&root, SCOPE), "bo@desk", Duration::from_secs(60), &busy);
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
    let words = "cannot append to the ledger of blog-production on web-1: printf: write error: No space left on device";
    assert!(chain(&error).starts_with(words), "{}", chain(&error));
    assert!(error.reason.is_disk_full());
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

/// A slow link: bytes pass between the two at this rate, and as much as a link's own queue holds is under way.
async fn slow_link(server: &Server, bytes_per_second: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, to) = (listener.local_addr().unwrap().port(), server.port);
    tokio::spawn(async move {
        let (near, _) = listener.accept().await.unwrap();
        // What the kernel would take at once must not hide how slow the link is.
        socket2::SockRef::from(&near).set_recv_buffer_size(16 * 1024).unwrap();
        let far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
        let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
        tokio::spawn(async move { tokio::io::copy(&mut from_far, &mut to_near).await });
        let mut bytes = vec![0; bytes_per_second / 20];
        while let Ok(length @ 1..) = from_near.read(&mut bytes).await {
            tokio::time::sleep(
                Duration::from_millis(50) * u32::try_from(length).unwrap() / u32::try_from(bytes.len()).unwrap(),
            )
            .await;
            to_far.write_all(&bytes[..length]).await.unwrap();
        }
    });
    port
}

#[tokio::test]
async fn a_large_upload_over_a_slow_link_does_not_cost_the_lease() {
    let Some(server) = Server::start("") else { return };
    let root = root(&server);
    let access = server.access("", &Person::silent());
    let slow = Host { port: Some(slow_link(&server, 200_000).await), ..server.host() };
    let session = connect(&access, &slow).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    let (lease, _) = Lease::take(&session, &root, SCOPE, "ana@train").await.unwrap();
    for _ in 0..4 {
        let uploading = session.clone();
        tokio::spawn(async move {
            let command = Command::Setup { arguments: vec!["cat".to_owned()] };
            uploading.run(&command, &vec![0; 4_000_000], Duration::from_mins(1)).await
        });
    }
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let asked = Instant::now();
        lease.append(&["{}".to_owned()]).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        // Without a short queue the answer is behind megabytes: more than half a minute.
        assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn a_holder_that_says_nothing_loses_the_lease() {
    let Some(server) = Server::start("") else { return };
    let (session, root) = (server.session().await, root(&server));
    // The program itself, with a shorter patience than it has in a lease, and one that a busy machine does not outlast
    // before the next line.
    let mut argv = Command::Lease { root: root.clone(), scope: SCOPE.to_owned() }.argv();
    *argv.last_mut().unwrap() = "6".to_owned();
    let mut silent = session.start(&Command::Setup { arguments: argv }).await.unwrap();
    silent.stdin.write_all(b"ana@laptop\n").await.unwrap();
    let mut said = [0; 5];
    silent.stdout.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"held\n");
    let error = Lease::take(&session, &root, SCOPE, "bo@desk").await.err().unwrap();
    assert!(matches!(error.reason, LeaseReason::Busy { .. }), "{}", chain(&error));
    silent.ending.wait().await.unwrap();
    Lease::take(&session, &root, SCOPE, "bo@desk").await.unwrap();
}
