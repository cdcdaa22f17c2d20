//! What a host remembers, as the effects write and read it.

use std::fs;
use std::time::Duration;

use ship::name::Scope;
use ship::ports::{Archive, PortErrorKind};
use ship::release::{Image, Release, Secrets, Source, Spec};
use ship::remote::archive::HostArchive;

use super::server::Server;

fn scope() -> Scope {
    Scope { app: "blog".parse().unwrap(), environment: "production".parse().unwrap() }
}

fn release() -> Release {
    let digest = format!("sha256:{}", "a".repeat(64));
    Release {
        number: "r1".parse().unwrap(),
        scope: scope(),
        image: Image {
            reference: "blog-production:r1".to_owned(),
            digest: digest.parse().unwrap(),
            layers: vec![digest.parse().unwrap()],
            platform: "linux/amd64".to_owned(),
            exposed: vec![3000],
            user: String::new(),
        },
        source: Source::default(),
        spec: Spec {
            roles: Default::default(),
            env: Default::default(),
            volumes: Vec::new(),
            release_command: None,
            console_command: None,
            routes: None,
            keep: 5,
        },
        secret_names: vec!["KEY".to_owned()],
    }
}

#[tokio::test]
async fn a_release_is_remembered_with_its_secrets_and_forgotten_whole() {
    let Some(server) = Server::start("") else { return };
    let root = server.path("ship");
    let session = server.session().await;
    let archive = HostArchive::new(session.clone()).at(root.to_str().unwrap());
    let (scope, release, wait) = (scope(), release(), Duration::from_secs(5));
    assert_eq!(archive.read(&scope).await.unwrap(), Default::default());

    let (lease, memory) = archive.lease(&scope, "ana@laptop", wait, &|_| {}).await.unwrap();
    assert_eq!(memory, Default::default());
    let mut secrets = Secrets::new();
    secrets.insert("KEY".to_owned(), "two\nlines, \"quotes\" and ü".to_owned());
    let before = session.round_trips().depth();
    lease.record(&release, &secrets).await.unwrap();
    assert_eq!(session.round_trips().depth(), before + 1);
    lease.append(&["one".to_owned(), "two".to_owned()]).await.unwrap();
    assert_eq!(lease.ledger().await.unwrap(), b"one\ntwo\n");
    assert!(lease.secrets(release.number).await.unwrap() == secrets);

    let memory = archive.read(&scope).await.unwrap();
    assert_eq!((memory.ledger.as_slice(), memory.held_by.as_deref()), (&b"one\ntwo\n"[..], Some("ana@laptop")));
    assert_eq!(memory.records, std::slice::from_ref(&release));
    assert!(archive.secrets(&scope, release.number).await.unwrap() == secrets);
    let busy = archive.lease(&scope, "bo@desk", Duration::ZERO, &|_| {}).await.err().unwrap();
    assert_eq!(busy.kind, PortErrorKind::Conflict);

    lease.forget(release.number).await.unwrap();
    assert_eq!(lease.secrets(release.number).await.unwrap_err().kind, PortErrorKind::Missing);
    assert_eq!(archive.read(&scope).await.unwrap().records, []);
    archive.append_audit(&scope, "{\"who\":\"ana\"}").await.unwrap();
    assert_eq!(archive.audit(&scope).await.unwrap(), "{\"who\":\"ana\"}\n");
    lease.forget_app().await.unwrap();
    assert!(!root.join("apps/blog-production").exists());
}

#[tokio::test]
async fn a_record_that_was_damaged_is_named_and_a_secret_is_never_quoted() {
    let Some(server) = Server::start("") else { return };
    let root = server.path("ship");
    let archive = HostArchive::new(server.session().await).at(root.to_str().unwrap());
    let directory = root.join("apps/blog-production/releases/r1");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("release.json"), "{").unwrap();
    fs::write(directory.join("secrets"), r#"{"KEY": hunter2}"#).unwrap();
    let error = archive.read(&scope()).await.unwrap_err();
    assert!(error.doing.contains("r1"), "{}", error.one_line());
    let error = archive.secrets(&scope(), "r1".parse().unwrap()).await.unwrap_err();
    assert!(!error.one_line().contains("hunter2"));
}
