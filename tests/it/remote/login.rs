//! Getting in: keys of every kind, and every way of not getting in, each with its own words.

#![expect(clippy::disallowed_methods, reason = "an agent is a program")]

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ship::config::Host;
use ship::diagnostic::Hint;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::server::{Person, Program, Server, chain, connect, fingerprint, make_key};

/// Replaces the user's key, and lets the new one in.
fn replace_key(server: &Server, kind: &str, passphrase: &str) {
    fs::remove_file(server.path(".ssh/id_ed25519")).unwrap();
    fs::remove_file(server.path(".ssh/id_ed25519.pub")).unwrap();
    let path = server.path(&format!(".ssh/id_{kind}"));
    make_key(&path, kind, passphrase);
    fs::copy(path.with_extension("pub"), server.path("authorized_keys")).unwrap();
}

#[tokio::test]
async fn keys_of_every_kind_work() {
    for kind in ["ed25519", "ecdsa", "rsa"] {
        for passphrase in ["", "correct horse"] {
            let Some(server) = Server::start("") else { return };
            replace_key(&server, kind, passphrase);
            let person = Person::new(ship::remote::access::HostKeyAnswer::Nobody, &["wrong", "correct horse"]);
            let access = server.access("", &person);
            for _ in 0..2 {
                let session = connect(&access, &server.host()).await;
                session.unwrap_or_else(|error| panic!("{kind} {passphrase}: {}", chain(&error)));
            }
            // Asked again after the wrong one, and not again for the second connection.
            let asked =
                if passphrase.is_empty() { vec![] } else { vec![format!("id_{kind} 0"), format!("id_{kind} 1")] };
            assert_eq!(person.asked(), asked);
        }
    }
}

#[tokio::test]
async fn a_passphrase_is_asked_only_for_a_key_that_helps() {
    let Some(server) = Server::start("") else { return };
    make_key(&server.path(".ssh/id_ecdsa"), "ecdsa", "secret");
    let person = Person::silent();
    let access = server.access("IdentityFile ~/.ssh/id_ecdsa\nIdentityFile ~/.ssh/id_ed25519", &person);
    connect(&access, &server.host()).await.unwrap();
    let access = server.access("IdentityFile ~/.ssh/id_ecdsa", &person);
    connect(&access, &server.host()).await.err().unwrap();
    assert!(person.asked().is_empty());
}

#[tokio::test]
async fn a_rejected_login_names_the_keys() {
    let Some(server) = Server::start("") else { return };
    fs::write(server.path("authorized_keys"), "").unwrap();
    let host = server.host();
    let error = connect(&server.access("", &Person::silent()), &host).await.err().unwrap();
    let file = server.path(".ssh/id_ed25519");
    let words = format!(
        "login failed: it lets `{}` in with none of these keys: ED25519 {} ({}) (it accepts: publickey)",
        host.user.unwrap(),
        fingerprint(&file),
        file.display()
    );
    assert!(chain(&error).ends_with(&words), "{}", chain(&error));
    assert!(error.hints()[0].contains("authorized_keys"));
}

#[tokio::test]
async fn without_any_key_the_error_says_where_it_looked() {
    let Some(server) = Server::start("") else { return };
    let access = server.access("IdentityFile ~/.ssh/none", &Person::silent());
    let error = connect(&access, &server.host()).await.err().unwrap();
    let text = chain(&error);
    assert!(text.contains("there is no key to log in as"), "{text}");
    assert!(text.contains("/.ssh/none (No such file or directory"), "{text}");
    assert!(text.contains("no agent"), "{text}");
}

/// An agent with its keys, for one test.
fn agent(server: &Server, keys: &[&str]) -> Program {
    let socket = server.path("agent.sock");
    let agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    let agent = Program(agent);
    while !socket.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    for key in keys {
        let add = Command::new("ssh-add").arg("-q").arg(server.path(key)).env("SSH_AUTH_SOCK", &socket).status();
        assert!(add.unwrap().success());
    }
    agent
}

#[tokio::test]
async fn the_agent_has_keys_and_identities_only_chooses_among_them() {
    let Some(server) = Server::start("MaxAuthTries 3") else { return };
    let mut names = Vec::new();
    for index in 0..4 {
        let name = format!("other{index}");
        make_key(&server.path(&name), "ed25519", "");
        names.push(name);
    }
    names.push(".ssh/id_ed25519".to_owned());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let _agent = agent(&server, &names);
    // The private half is in the agent alone.
    fs::remove_file(server.path(".ssh/id_ed25519")).unwrap();
    let socket = format!("IdentityAgent {}", server.path("agent.sock").display());
    let chosen = format!("{socket}\nIdentityFile ~/.ssh/id_ed25519\nIdentitiesOnly yes");
    connect(&server.access(&chosen, &Person::silent()), &server.host())
        .await
        .unwrap_or_else(|e| panic!("{}", chain(&e)));
    let elsewhere = format!("{socket}\nIdentityFile {}", server.path("other0.pub").display());
    let access = server.access(&elsewhere, &Person::silent());
    let error = connect(&access, &server.host()).await.err().unwrap();
    let text = chain(&error);
    assert!(text.contains("it hung up after 3 keys") && text.contains("Too many authentication failures"), "{text}");
    assert!(error.hints()[0].contains("IdentitiesOnly"));
}

#[tokio::test]
async fn a_second_factor_is_not_done_and_said() {
    let Some(server) = Server::start("AuthenticationMethods publickey,password\nPasswordAuthentication yes") else {
        return;
    };
    let error = connect(&server.access("", &Person::silent()), &server.host()).await.err().unwrap();
    assert!(chain(&error).contains("and wants more: password"), "{}", chain(&error));
}

#[tokio::test]
async fn a_jump_host_carries_the_connection() {
    let Some(server) = Server::start("") else { return };
    let jumping = format!(
        "Host 127.0.0.1\nProxyJump gate\nHost gate\nHostName localhost\nPort {}\nUser {}\nStrictHostKeyChecking no",
        server.port,
        server.host().user.unwrap()
    );
    let access = server.access(&jumping, &Person::silent());
    let session = connect(&access, &server.host()).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    let command = ship::remote::command::Command::Setup { arguments: vec!["true".to_owned()] };
    assert!(session.run(&command, b"", Duration::from_secs(10)).await.unwrap().exit.is_success());
    let nobody = Host { port: Some(1), ..server.host() };
    let error = connect(&access, &nobody).await.err().unwrap();
    let words =
        format!("the jump host gate (localhost:{}) cannot connect to it: connection refused or no answer", server.port);
    assert!(chain(&error).ends_with(&words), "{}", chain(&error));
}

fn at(port: u16) -> Host {
    Host { address: "127.0.0.1".to_owned(), user: None, port: Some(port), fingerprint: None }
}

/// What is said of someone at this port who does as the function says.
async fn failure(server: &Server, said: &'static [u8], stays: bool, config: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(said).await.unwrap();
            if stays {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_mins(1)).await;
                    drop(stream);
                });
            }
        }
    });
    let error = connect(&server.access(config, &Person::silent()), &at(port)).await.err().unwrap();
    chain(&error).replace(&port.to_string(), "PORT")
}

#[tokio::test]
async fn what_is_no_ssh_server_is_told_from_what_does_not_answer() {
    let Some(server) = Server::start("") else { return };
    let start = "cannot connect to web-1 at 127.0.0.1:PORT: ";
    let http = failure(&server, b"HTTP/1.1 400 Bad Request\r\n\r\n", false, "").await;
    assert_eq!(http, format!("{start}port PORT is not an SSH server: it says `HTTP/1.1 400 Bad Request`"));
    let closed = failure(&server, b"", false, "").await;
    assert_eq!(closed, format!("{start}port PORT closed the connection before an SSH server spoke"));
    let started = Instant::now();
    let silent = failure(&server, b"", true, "ConnectTimeout 1").await;
    assert_eq!(silent, format!("{start}port PORT took the connection, but no SSH server spoke within 1 s"));
    let stuck = failure(&server, b"SSH-2.0-stuck\r\n", true, "ConnectTimeout 1").await;
    assert_eq!(stuck, format!("{start}the key exchange did not end within 1 s"));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_and_a_port_that_nobody_has() {
    let Some(server) = Server::start("") else { return };
    let access = server.access("", &Person::silent());
    let nowhere = Host { address: "nowhere.invalid".to_owned(), user: None, port: None, fingerprint: None };
    let error = connect(&access, &nowhere).await.err().unwrap();
    let words = "cannot connect to web-1 at nowhere.invalid: the name `nowhere.invalid` does not resolve";
    assert!(chain(&error).starts_with(words), "{}", chain(&error));
    let error = connect(&access, &at(1)).await.err().unwrap();
    let words = "cannot connect to web-1 at 127.0.0.1:1: nothing listens on port 1 there (connection refused)";
    assert_eq!(chain(&error), words);
    // An address that is kept for documentation answers nobody (RFC 5737).
    let quick = server.access("ConnectTimeout 1", &Person::silent());
    let silent = Host { address: "192.0.2.1".to_owned(), user: None, port: None, fingerprint: None };
    let error = connect(&quick, &silent).await.err().unwrap();
    assert!(error.to_string().contains("192.0.2.1"), "{}", chain(&error));
}

#[tokio::test]
async fn no_common_algorithm_is_a_failed_key_exchange() {
    let Some(server) = Server::start("Ciphers 3des-cbc") else { return };
    let error = connect(&server.access("", &Person::silent()), &server.host()).await.err().unwrap();
    let text = chain(&error);
    assert!(text.contains("the key exchange failed: No common Cipher algorithm"), "{text}");
}
