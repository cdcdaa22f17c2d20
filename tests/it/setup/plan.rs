//! What a server lacks, in words.

use ship::plan::setup::{Directory, Docker, PublicKey, ServerFacts, SetupStep, plan};

use super::{KEY, ROOT_KEY, fresh, proxy, ready, wanted, with_engine, words};

#[test]
fn a_fresh_server_gets_everything() {
    insta::assert_snapshot!(words(&fresh(), &wanted()), @r"
    limit container logs to 3 files of 10 MB, and keep containers running while Docker restarts
    install Docker Engine from Debian GNU/Linux 12 (bookworm)
    start Docker, now and at every boot
    create the user ship, who has no password
    let ship use Docker
    let ana@mac log in as ship
    create /var/lib/ship for ship alone
    send the image of ship-proxy 0.1.0
    start ship-proxy 0.1.0 on ports 80 and 443
    ");
}

#[test]
fn a_server_that_is_ready_gets_nothing() {
    assert_eq!(words(&ready(), &wanted()), "");
}

#[test]
fn a_ready_server_needs_no_root_to_say_so() {
    // The deploy user looks: it has no sudo, and sees less.
    let facts = ServerFacts { login: "ship".to_owned(), privileged: false, ..ready() };
    assert_eq!(words(&facts, &wanted()), "");
}

#[test]
fn docker_that_is_there_is_kept() {
    let facts = with_engine(fresh(), |engine| (engine.containers_running, engine.live_restore) = (2, false));
    insta::assert_snapshot!(words(&facts, &wanted()), @r"
    limit container logs to 3 files of 10 MB, and keep containers running while Docker restarts (Docker restarts; containers keep running)
    create the user ship, who has no password
    let ship use Docker
    let ana@mac log in as ship
    create /var/lib/ship for ship alone
    send the image of ship-proxy 0.1.0
    start ship-proxy 0.1.0 on ports 80 and 443
    ");
}

#[test]
fn only_what_lacks_is_done() {
    let stopped = with_engine(ready(), |engine| engine.running = false);
    assert_eq!(words(&stopped, &wanted()), "start Docker, now and at every boot\n");
    let not_at_boot = with_engine(ready(), |engine| engine.enabled = false);
    assert_eq!(words(&not_at_boot, &wanted()), "start Docker, now and at every boot\n");
    let no_client = with_engine(ready(), |engine| engine.client = false);
    assert_eq!(words(&no_client, &wanted()), "install the docker command from Debian GNU/Linux 12 (bookworm)\n");

    let mut facts = ready();
    facts.account.as_mut().unwrap().in_docker_group = false;
    assert_eq!(words(&facts, &wanted()), "let ship use Docker\n");
    let open = Directory { owner: "ship".to_owned(), mode: 0o755 };
    let facts = ServerFacts { state: Some(open), ..ready() };
    assert_eq!(words(&facts, &wanted()), "create /var/lib/ship for ship alone\n");
}

#[test]
fn who_holds_apt_is_named() {
    let facts = ServerFacts { apt_held_by: Some("unattended-upgr (pid 812)".to_owned()), ..fresh() };
    let words = words(&facts, &wanted());
    assert!(words.contains("(bookworm), after unattended-upgr (pid 812) has let go of apt\n"), "{words}");
}

#[test]
fn nobody_is_locked_out() {
    // Whoever may log in as root today may log in as the deploy user tomorrow; the same key is added once.
    let restricted = format!("no-port-forwarding,command=\"echo no\" {}", ROOT_KEY.replace("AAAAIO", "AAAAIQ"));
    let login_keys = vec!["# Ana".to_owned(), KEY.to_owned(), ROOT_KEY.to_owned(), restricted];
    let facts = ServerFacts { login_keys, ..fresh() };
    let steps = plan(&facts, &wanted()).unwrap();
    let keys = steps.iter().find_map(|step| match step {
        SetupStep::AllowKeys { keys, .. } => Some(keys.iter().map(PublicKey::to_string).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(keys.unwrap(), [KEY, ROOT_KEY]);
}

#[test]
fn a_key_is_known_by_itself_and_not_by_its_comment() {
    let mut facts = ready();
    let comment = KEY.replace("ana@mac", "someone else");
    facts.account.as_mut().unwrap().keys = vec![format!("from=\"10.0.0.0/8\" {comment}")];
    assert_eq!(words(&facts, &wanted()), "");
    facts.account.as_mut().unwrap().keys = vec![format!("#{KEY}")];
    assert_eq!(words(&facts, &wanted()), "let ana@mac log in as ship\n");
}

#[test]
fn files_that_sshd_would_refuse_are_put_right() {
    let mut facts = ready();
    facts.account.as_mut().unwrap().keys_usable = false;
    assert_eq!(words(&facts, &wanted()), "give ship the files of its keys, so that sshd takes them\n");
}

#[test]
fn where_root_deploys_the_proxy_has_an_account_of_its_own() {
    let mut wanted = wanted();
    wanted.user = "root".parse().unwrap();
    let facts = ServerFacts { account: ready().account, ..fresh() };
    insta::assert_snapshot!(words(&facts, &wanted), @r"
    limit container logs to 3 files of 10 MB, and keep containers running while Docker restarts
    install Docker Engine from Debian GNU/Linux 12 (bookworm)
    start Docker, now and at every boot
    create the user ship-proxy, whom ship-proxy runs as
    create /var/lib/ship for root alone
    send the image of ship-proxy 0.1.0
    start ship-proxy 0.1.0 on ports 80 and 443
    ");
}

#[test]
fn another_proxy_is_replaced() {
    let mut wanted = wanted();
    wanted.proxy = proxy("0.2.0");
    assert_eq!(words(&ready(), &wanted), "send the image of ship-proxy 0.2.0\nreplace ship-proxy 0.1.0 with 0.2.0\n");
    let mut facts = ready();
    facts.proxy.as_mut().unwrap().version = None;
    assert!(
        words(&facts, &wanted).ends_with("replace the container ship-proxy, which ship did not make, with 0.2.0\n")
    );
}

#[test]
fn a_proxy_that_does_not_serve_is_started_again() {
    let mut facts = ready();
    facts.proxy.as_mut().unwrap().answers = None;
    assert_eq!(words(&facts, &super::wanted()), "restart ship-proxy 0.1.0, which does not answer\n");
    facts.proxy.as_mut().unwrap().running = false;
    assert_eq!(words(&facts, &super::wanted()), "start ship-proxy 0.1.0, which is there and does not run\n");
}

#[test]
fn the_proxy_runs_with_as_little_as_it_needs() {
    let arguments = proxy("0.1.0").arguments().join(" ");
    for part in ["--network=host", "--read-only", "--cap-drop=ALL", "--cap-add=NET_BIND_SERVICE", "--memory=512m"] {
        assert!(arguments.contains(part), "{part} in {arguments}");
    }
    assert!(!arguments.contains("--privileged") && !arguments.contains("docker.sock"), "{arguments}");
    // One account's container is not another's, and an argument more is another container.
    assert_ne!(proxy("0.1.0").made("ship"), proxy("0.1.0").made("ship-proxy"));
    assert_ne!(proxy("0.1.0").made("ship"), proxy("0.1.1").made("ship"));
}

#[test]
fn a_plan_says_the_same_twice() {
    assert_eq!(plan(&fresh(), &wanted()), plan(&fresh(), &wanted()));
    assert_eq!(fresh().docker, Docker::Missing);
}
