//! `known_hosts`, in every form that OpenSSH writes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use russh::keys::PublicKey;
use ship::remote::known_hosts::{KnownHostsFile, Verdict, algorithms, append, fingerprint, line, look_up};

use super::server::{make_key, run};

const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
const TWO: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";
const CURVE: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=";

fn key(text: &str) -> PublicKey {
    PublicKey::from_openssh(text).unwrap()
}

fn files(text: &str) -> Vec<KnownHostsFile> {
    vec![KnownHostsFile { path: "/k".into(), text: text.into() }]
}

fn verdict(text: &str, port: u16) -> &'static str {
    match look_up(&files(text), "web.example.com", port, &key(ONE)) {
        Verdict::Known => "known",
        Verdict::Unknown => "unknown",
        Verdict::Changed(_) => "changed",
        Verdict::Revoked(_) => "revoked",
    }
}

#[test]
fn names_come_in_many_forms() {
    for (hosts, port, wanted) in [
        ("web.example.com", 22, "known"),
        ("a,web.example.com,b", 22, "known"),
        ("*.example.com", 22, "known"),
        ("*.example.com,!web.example.com", 22, "unknown"),
        ("WEB.example.com", 22, "known"),
        ("web", 22, "unknown"),
        ("[web.example.com]:2222", 2222, "known"),
        ("[web.example.com]:2222", 22, "unknown"),
        ("[web.example.com]:2222", 2223, "unknown"),
        ("web.example.com", 2222, "known"),
    ] {
        assert_eq!(verdict(&format!("# comment\n\n{hosts} {ONE} ana@laptop\n"), port), wanted, "{hosts} {port}");
    }
}

#[test]
fn hashed_names_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("known_hosts");
    fs::write(&path, format!("web.example.com {ONE}\n[web.example.com]:2222 {TWO}\n")).unwrap();
    run("ssh-keygen", &["-q", "-H", "-f", path.to_str().unwrap()]);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("|1|") && !text.contains("web"));
    assert_eq!(verdict(&text, 22), "known");
    assert_eq!(verdict(&text, 2222), "changed");
    assert_eq!(verdict(&text, 2223), "known");
    assert_eq!(verdict(&text.replace("|1|", "|1|x"), 22), "unknown");
}

#[test]
fn a_changed_key_names_its_line() {
    let text = format!("other {ONE}\nweb.example.com {CURVE}\nweb.example.com {TWO}\n");
    let Verdict::Changed(recorded) = look_up(&files(&text), "web.example.com", 22, &key(ONE)) else { panic!() };
    assert_eq!((recorded.line, fingerprint(&recorded.key)), (3, fingerprint(&key(TWO))));
    // A server that shows another kind of key than the one on record is no stranger either.
    assert_eq!(verdict(&format!("web.example.com {CURVE}"), 22), "changed");
    assert_eq!(verdict(&format!("{text}web.example.com {ONE}"), 22), "known");
}

#[test]
fn markers_are_minded() {
    let known = format!("web.example.com {ONE}\n");
    assert_eq!(verdict(&format!("{known}@revoked * {ONE}"), 22), "revoked");
    assert_eq!(verdict(&format!("{known}@revoked * {TWO}"), 22), "known");
    assert_eq!(verdict(&format!("@cert-authority *.example.com {TWO}"), 22), "unknown");
    assert_eq!(verdict(&format!("@cert-authority *.example.com {ONE}"), 22), "unknown");
    assert_eq!(verdict("web.example.com ssh-unheard-of AAAA\nweb.example.com ssh-ed25519 broken\n", 22), "unknown");
}

#[test]
fn kinds_on_record_are_known_before_the_handshake() {
    let text = format!("web.example.com {CURVE}\n@revoked web.example.com {ONE}\nother {ONE}\n");
    assert_eq!(algorithms(&files(&text), "web.example.com", 22), [key(CURVE).algorithm()]);
    assert_eq!(algorithms(&files(&text), "web.example.com", 2222), [key(CURVE).algorithm()]);
}

#[test]
fn what_is_remembered_is_read_by_openssh() {
    let directory = tempfile::tempdir().unwrap();
    let key_path = directory.path().join("key");
    make_key(&key_path, "ed25519", "");
    let key = key(&fs::read_to_string(key_path.with_extension("pub")).unwrap());
    let path = directory.path().join("new/known_hosts");
    append(&path, &line("web-1", 22, &key, false).unwrap()).unwrap();
    fs::write(&path, fs::read_to_string(&path).unwrap().trim_end()).unwrap();
    append(&path, &line("web-2", 2222, &key, true).unwrap()).unwrap();
    let find = |name: &str| run("ssh-keygen", &["-F", name, "-f", path.to_str().unwrap()]);
    assert!(find("web-1").contains("line 1"));
    assert!(find("[web-2]:2222").contains("line 2"));
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
}
