//! The key of a host: known, asked about, pinned, refused.

use std::fs;

use ship::diagnostic::Hint;
use ship::remote::access::HostKeyAnswer;

use super::server::{Person, Server, chain, connect, fingerprint, make_key};

fn known_hosts(server: &Server) -> String {
    fs::read_to_string(server.path(".ssh/known_hosts")).unwrap_or_default()
}

#[tokio::test]
async fn an_unknown_key_is_asked_about_once_and_remembered() {
    let Some(server) = Server::start("") else { return };
    let person = Person::new(HostKeyAnswer::Yes, &[]);
    for _ in 0..2 {
        let access = server.access("HashKnownHosts yes", &person);
        connect(&access, &server.unknown_host()).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    }
    let shown = fingerprint(&server.path("host_ed25519.pub"));
    assert_eq!(person.asked(), [format!("127.0.0.1:{} ED25519 {shown}", server.port)]);
    assert!(known_hosts(&server).starts_with("|1|"));
}

#[tokio::test]
async fn without_a_terminal_an_unknown_key_is_refused_with_what_to_do() {
    let Some(server) = Server::start("") else { return };
    let access = server.access("", &Person::silent());
    let error = connect(&access, &server.unknown_host()).await.err().unwrap();
    let shown = fingerprint(&server.path("host_ed25519.pub"));
    assert_eq!(
        chain(&error),
        format!(
            "cannot connect to web-1 at 127.0.0.1:{}: its host key {shown} (ED25519) is not known, and there is no \
             terminal to ask on",
            server.port
        )
    );
    assert!(error.hints()[0].ends_with(&format!("fingerprint = \"{shown}\"")), "{:?}", error.hints());
    assert_eq!(known_hosts(&server), "");
}

#[tokio::test]
async fn a_no_is_a_no_and_so_is_strict_checking() {
    let Some(server) = Server::start("") else { return };
    let person = Person::new(HostKeyAnswer::No, &[]);
    let error = connect(&server.access("", &person), &server.unknown_host()).await.err().unwrap();
    assert!(chain(&error).ends_with("was not accepted"), "{}", chain(&error));
    let strict = server.access("StrictHostKeyChecking yes", &person);
    let error = connect(&strict, &server.unknown_host()).await.err().unwrap();
    assert!(chain(&error).ends_with("was not accepted"), "{}", chain(&error));
    assert_eq!(person.asked().len(), 1);
    let trusting = server.access("StrictHostKeyChecking accept-new", &person);
    connect(&trusting, &server.unknown_host()).await.unwrap();
    assert!(known_hosts(&server).starts_with(&format!("[127.0.0.1]:{} ssh-ed25519 ", server.port)));
}

#[tokio::test]
async fn a_changed_key_is_refused_with_both_fingerprints_and_the_line() {
    let Some(mut server) = Server::start("") else { return };
    let trusting = server.access("StrictHostKeyChecking no", &Person::silent());
    connect(&trusting, &server.unknown_host()).await.unwrap();
    let before = fingerprint(&server.path("host_ed25519.pub"));
    make_key(&server.path("host_ed25519"), "ed25519", "");
    server.restart();
    let error = connect(&trusting, &server.unknown_host()).await.err().unwrap();
    let (after, file) = (fingerprint(&server.path("host_ed25519.pub")), server.path(".ssh/known_hosts"));
    let words = format!("its host key has changed: it shows {after}, but {}:1 has {before}", file.display());
    assert!(chain(&error).ends_with(&words), "{}", chain(&error));
    assert!(error.hints()[0].contains(&format!("ssh-keygen -R '[127.0.0.1]:{}'", server.port)), "{:?}", error.hints());
    // The pin decides without known_hosts.
    connect(&trusting, &server.host()).await.unwrap();
}

#[tokio::test]
async fn a_server_with_several_keys_shows_the_one_on_record() {
    let Some(server) = Server::start("") else { return };
    let public = fs::read_to_string(server.path("host_ecdsa.pub")).unwrap();
    fs::write(server.path(".ssh/known_hosts"), format!("[127.0.0.1]:{} {public}", server.port)).unwrap();
    connect(&server.access("", &Person::silent()), &server.unknown_host())
        .await
        .unwrap_or_else(|e| panic!("{}", chain(&e)));
}

#[tokio::test]
async fn a_pin_may_be_of_any_of_the_servers_keys_and_of_no_other() {
    let Some(server) = Server::start("") else { return };
    let access = server.access("", &Person::silent());
    let mut host = server.host();
    let (ed25519, ecdsa) = (fingerprint(&server.path("host_ed25519.pub")), fingerprint(&server.path("host_ecdsa.pub")));
    host.fingerprint = Some(ecdsa.clone());
    connect(&access, &host).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    host.fingerprint = Some(ed25519.trim_start_matches("SHA256:").to_owned() + "=");
    connect(&access, &host).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    host.fingerprint = Some("SHA256:somethingelse".to_owned());
    let error = connect(&access, &host).await.err().unwrap();
    let words = format!("its host key is {ed25519} and {ecdsa}, but ship.toml says SHA256:somethingelse");
    assert!(chain(&error).ends_with(&words), "{}", chain(&error));
}
