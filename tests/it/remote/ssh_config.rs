//! `~/.ssh/config`, as text in and servers out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ship::config::Host;
use ship::remote::pattern::{list_matches, matches};
use ship::remote::ssh_config::{LocalUser, Source, SshConfig, SshConfigError, Target, Unknown};

fn route_of(texts: &[&str], include: &[(&str, &str)], host: &Host) -> Result<Vec<Target>, SshConfigError> {
    let user = LocalUser { name: "ana".into(), home: "/home/ana".into(), agent: Some("/run/agent".into()) };
    let source = |(index, text): (usize, &&str)| Source {
        path: format!("/home/ana/.ssh/config{index}").into(),
        text: (*text).into(),
    };
    let sources: Vec<Source> = texts.iter().enumerate().map(source).collect();
    let find = |written: &str, start: &Path| -> Vec<Source> {
        assert_eq!(start, Path::new("/home/ana/.ssh"));
        let fits = include.iter().filter(|(name, _)| *name == written);
        fits.map(|(name, text)| Source { path: start.join(name), text: (*text).into() }).collect()
    };
    SshConfig { sources: &sources, include: &find, user: &user }.route(host)
}

fn route(texts: &[&str], include: &[(&str, &str)], address: &str) -> Result<Vec<Target>, SshConfigError> {
    route_of(texts, include, &host(address))
}

fn host(address: &str) -> Host {
    Host { address: address.into(), user: None, port: None, fingerprint: None }
}

fn target(text: &str, address: &str) -> Target {
    let mut route = route(&[text], &[], address).unwrap();
    assert_eq!(route.len(), 1);
    route.pop().unwrap()
}

#[test]
fn patterns_are_those_of_openssh() {
    for (pattern, text, fits) in [
        ("*", "", true),
        ("*.example.com", "a.b.example.com", true),
        ("*.example.com", "example.com", false),
        ("10.0.0.?", "10.0.0.7", true),
        ("10.0.0.?", "10.0.0.77", false),
        ("a*b*c", "aXbYbZc", true),
        ("a*b*c", "aXbYbZ", false),
        ("WEB", "web", true),
        ("**", "x", true),
        ("", "x", false),
    ] {
        assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
    }
    assert!(list_matches(["*", "!bad"], "good"));
    assert!(!list_matches(["*", "!bad"], "bad"));
    assert!(!list_matches(["!bad"], "good"));
}

#[test]
fn without_a_file_everything_has_its_default() {
    let target = target("", "web.example.com");
    assert_eq!((target.address.as_str(), target.port, target.user.as_str()), ("web.example.com", 22, "ship"));
    let files = ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| PathBuf::from("/home/ana/.ssh").join(name));
    assert_eq!(target.identity_files, files);
    assert_eq!(target.agent, Some("/run/agent".into()));
    assert_eq!(target.known_hosts[0], Path::new("/home/ana/.ssh/known_hosts"));
    assert_eq!(target.unknown, Unknown::Ask);
    assert!(!target.identities_only && !target.identities_named);
}

#[test]
fn the_first_value_wins_and_keys_add_up() {
    let text = "
        # a comment
        Host web other
            HostName %h.example.com
            User=deploy
            Port = 2222
            IdentityFile ~/.ssh/%r@%h
        Host !web *
            User never
        HOST \"web\"
            port 3333
            identityfile \"%d/a key\" # another comment
            IdentitiesOnly yes
            StrictHostKeyChecking accept-new
            UserKnownHostsFile ~/.ssh/one %d/two
            ConnectTimeout 7
            HashKnownHosts yes
            IdentityAgent none
            HostKeyAlias Alias
    ";
    let target = target(text, "web");
    assert_eq!(target.to_string(), "web (web.example.com:2222)");
    assert_eq!((target.user.as_str(), target.port), ("deploy", 2222));
    assert_eq!(
        target.identity_files,
        [Path::new("/home/ana/.ssh/deploy@web.example.com"), Path::new("/home/ana/a key")]
    );
    assert_eq!(target.known_hosts, [Path::new("/home/ana/.ssh/one"), Path::new("/home/ana/two")]);
    assert_eq!(target.connect_timeout, Some(Duration::from_secs(7)));
    assert_eq!((target.unknown, target.agent, target.key_name.as_str()), (Unknown::Accept, None, "alias"));
    assert!(target.identities_only && target.identities_named && target.hash_known_hosts);
}

#[test]
fn the_users_file_wins_over_the_systems_and_ship_toml_over_both() {
    let texts = ["Host web\nUser one", "Host *\nUser two\nPort 2"];
    let told =
        Host { user: Some("three".into()), port: None, fingerprint: Some("SHA256:x".into()), address: "web".into() };
    let plain = &route(&texts, &[], "web").unwrap()[0];
    let told = &route_of(&texts, &[], &told).unwrap()[0];
    assert_eq!((plain.user.as_str(), plain.port, plain.fingerprint.as_deref()), ("one", 2, None));
    assert_eq!((told.user.as_str(), told.port, told.fingerprint.as_deref()), ("three", 2, Some("SHA256:x")));
}

#[test]
fn included_files_count_where_they_stand() {
    let include = [("conf.d/*", "Host web\nUser included\nHost nothing\nPort 9"), ("own", "Port 5")];
    let text = "Include conf.d/* own\nUser late\nHost else\nInclude own";
    let target = &route(&[text], &include, "web").unwrap()[0];
    assert_eq!((target.user.as_str(), target.port), ("included", 5));
}

#[test]
fn match_blocks_with_simple_conditions_count_and_others_do_not() {
    let text = "
        Host web
          HostName 10.0.0.1
        Match exec \"true\" host *
          User exec
        Match host 10.0.0.* !originalhost other
          Port 4
        Match localuser bo
          Port 5
        Match all
          User all
    ";
    let target = target(text, "web");
    assert_eq!((target.user.as_str(), target.port), ("all", 4));
}

#[test]
fn jump_hosts_are_hosts_themselves() {
    let text = "
        Host web
          ProxyJump ana@gate:2200,inner
        Host gate
          HostName gate.example.com
          ProxyJump outer
        Host inner
          HostName 10.0.0.9
          ProxyJump ignored
    ";
    let hops = route(&[text], &[], "web").unwrap();
    let words: Vec<String> = hops.iter().map(|target| format!("{}@{target}", target.user)).collect();
    assert_eq!(words, ["ship@outer", "ana@gate (gate.example.com:2200)", "ship@inner (10.0.0.9)", "ship@web"]);
    let ipv6 = route(&["Host web\nProxyJump root@[2001:db8::1]:22"], &[], "web").unwrap();
    assert_eq!(ipv6[0].address, "2001:db8::1");
    assert_eq!(route(&["Host *\nProxyJump none"], &[], "web").unwrap().len(), 1);
    let circle = route(&["Host *\nProxyJump web"], &[], "web").unwrap_err();
    assert!(matches!(circle, SshConfigError::Circle { .. }));
}

#[test]
fn what_would_reach_the_wrong_host_is_an_error() {
    let error = route(&["Host web\nProxyCommand nc %h %p"], &[], "web").unwrap_err();
    assert_eq!(error.to_string(), "`web` is reached with ProxyCommand, which ship does not do");
    let error = route(&["User a\nPort many"], &[], "web").unwrap_err();
    assert_eq!(error.to_string(), "/home/ana/.ssh/config0:2: `many` is not a number that port can have");
    let error = route(&["Host \"web"], &[], "web").unwrap_err();
    assert_eq!(error.to_string(), "/home/ana/.ssh/config0:1: a quote has no end");
    let error = route(&["\n\nUser"], &[], "web").unwrap_err();
    assert_eq!(error.to_string(), "/home/ana/.ssh/config0:3: a keyword without a value");
}
