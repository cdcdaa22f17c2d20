//! What stops setup before it changed anything, and what it advises.

use ship::diagnostic::Hint;
use ship::plan::setup::{Docker, Listener, Problem, ServerFacts, Settings, System, plan};

use super::{fresh, ready, wanted, with_engine};

fn problems(facts: &ServerFacts) -> Vec<Problem> {
    plan(facts, &wanted()).unwrap_err()
}

/// Each problem with its hints.
fn told(facts: &ServerFacts) -> String {
    let one = |problem: &Problem| {
        let hints = problem.hints().iter().map(|hint| format!("  hint: {hint}\n")).collect::<Vec<_>>().concat();
        format!("{problem}\n{hints}")
    };
    problems(facts).iter().map(one).collect()
}

fn system(id: &str, version: Option<&str>) -> System {
    let name = format!("{id} {}", version.unwrap_or("testing"));
    System { id: id.to_owned(), version: version.map(str::to_owned), name, ..fresh().system }
}

#[test]
fn supported_systems() {
    let supports = |id, version| plan(&ServerFacts { system: system(id, version), ..fresh() }, &wanted()).is_ok();
    assert!(supports("debian", Some("11")) && supports("debian", Some("13")) && supports("debian", None));
    assert!(supports("ubuntu", Some("20.04")) && supports("ubuntu", Some("26.04")));
    assert!(!supports("debian", Some("10")) && !supports("ubuntu", Some("18.04")) && !supports("ubuntu", None));
    assert!(!supports("fedora", Some("43")) && !supports("", None));
    insta::assert_snapshot!(
        told(&ServerFacts { system: system("fedora", Some("43")), ..fresh() }),
        @"fedora 43 is not supported: setup knows Debian from 11 and Ubuntu from 20.04 on"
    );
}

#[test]
fn an_account_without_root() {
    insta::assert_snapshot!(told(&ServerFacts { login: "ana".to_owned(), privileged: false, ..fresh() }), @r"
    ana is not root and may not use sudo without a password
      hint: ship setup --as root
      hint: on the server, as root: echo 'ana ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/ana
    ");
    // What it may not read, it may not change either.
    let facts = ServerFacts { privileged: false, settings: Settings::Unreadable, ..ready() };
    assert_eq!(problems(&facts), [Problem::NoRoot { login: "root".to_owned() }]);
}

#[test]
fn a_docker_that_is_too_old() {
    let facts = with_engine(fresh(), |engine| engine.version = "19.03.15".to_owned());
    insta::assert_snapshot!(told(&facts), @r"
    Docker 19.03.15 is installed, and ship needs 20.10 or newer; it is left as it is
      hint: on the server: apt-get install --only-upgrade docker.io (or remove it, and setup installs docker.io)
    ");
    for version in ["20.10.5+dfsg1", "24.0.7", "29.0.0"] {
        let facts = with_engine(fresh(), |engine| engine.version = version.to_owned());
        assert!(plan(&facts, &wanted()).is_ok(), "{version}");
    }
}

#[test]
fn a_docker_that_is_none_of_ours() {
    let snap = ServerFacts { docker: Docker::Foreign("a snap".to_owned()), ..fresh() };
    insta::assert_snapshot!(told(&snap), @r"
    the `docker` of this server is a snap, which ship cannot set up; it is left as it is
      hint: on the server: snap remove docker (deletes its containers), then: ship setup
    ");
}

fn listener(port: u16, process: &str) -> Listener {
    let unit = Some(format!("{process}.service"));
    Listener { port, ours: false, process: Some(process.to_owned()), pid: Some(312), unit, container: None }
}

#[test]
fn ports_that_are_taken() {
    let listeners = vec![
        listener(80, "nginx"),
        Listener { container: Some("caddy-1".to_owned()), ..listener(443, "docker-proxy") },
    ];
    insta::assert_snapshot!(told(&ServerFacts { listeners, ..fresh() }), @r"
    port 80 is taken by nginx (pid 312)
      hint: on the server: systemctl disable --now nginx
      hint: or move it: change port 80 in /etc/nginx/sites-enabled/* and restart it
    port 443 is taken by the container caddy-1
      hint: on the server: docker stop caddy-1 (or publish it on another port)
    ");
    let unknown = Listener { process: None, pid: None, unit: None, ..listener(80, "") };
    insta::assert_snapshot!(told(&ServerFacts { listeners: vec![unknown], ..fresh() }), @r"
    port 80 is taken by another program
      hint: on the server, as root: ss -ltnp 'sport = :80' (says which)
    ");
}

#[test]
fn a_port_matters_only_to_who_takes_it() {
    // ship-proxy runs and has what it needs: what else listens is not its business, and its own sockets never are.
    assert!(plan(&ServerFacts { listeners: vec![listener(443, "stunnel")], ..ready() }, &wanted()).is_ok());
    let ours = Listener { ours: true, ..listener(80, "ship-proxy") };
    assert!(plan(&ServerFacts { listeners: vec![ours], ..fresh() }, &wanted()).is_ok());
}

#[test]
fn settings_that_cannot_be_read_are_left_alone() {
    let facts = ServerFacts { settings: Settings::Text("{ \"debug\": true,\n".to_owned()), ..ready() };
    insta::assert_snapshot!(told(&facts), @r"
    /etc/docker/daemon.json is not valid, and is left as it is: EOF while parsing a value at line 2 column 0
      hint: on the server: correct /etc/docker/daemon.json, then: ship setup
    ");
}

#[test]
fn too_little_room_for_docker() {
    let facts = ServerFacts { disk_free: 300_000_000, ..fresh() };
    assert!(told(&facts).starts_with("300 MB are free on the disk, and Docker with ship-proxy needs 700 MB\n"));
    // Docker is there already.
    assert!(plan(&ServerFacts { disk_free: 300_000_000, ..with_engine(fresh(), |_| ()) }, &wanted()).is_ok());
}

#[test]
fn a_deploy_user_whom_nobody_could_become() {
    let mut wanted = wanted();
    wanted.keys.clear();
    let facts = ServerFacts { login_keys: Vec::new(), ..fresh() };
    assert_eq!(plan(&facts, &wanted).unwrap_err(), [Problem::NoKey { user: "ship".to_owned() }]);
}

#[test]
fn all_problems_at_once() {
    let facts = ServerFacts {
        system: system("debian", Some("10")),
        privileged: false,
        settings: Settings::Text("[]".to_owned()),
        listeners: vec![listener(80, "apache2")],
        ..fresh()
    };
    assert_eq!(problems(&facts).len(), 4, "{}", told(&facts));
}
