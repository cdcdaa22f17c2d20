//! What was meant and what is: on a host that was never set up, that is gone, or where someone has been at work by hand.

use super::support::{Bench, Project, image, toml, until};

#[test]
fn status_tells_what_is_wrong_with_a_host() {
    let bench = Bench::up(&["sta-fresh"], &[]);
    let fresh = Project::new(&bench, &["sta-fresh"], &toml("blog", &["sta-fresh"], ""));
    fresh.ship(&["status"]).exits(5).prints("it lets `ship` in with none of these keys").prints("hint: ship setup");
    fresh.ship(&["deploy", "--image", &image("v1")]).exits(3).says("hint: ship setup");
    // Someone may log in, but there is no Docker.
    fresh.edit("[hosts.sta-fresh]", "[hosts.sta-fresh]\nuser = \"root\"");
    fresh.ship(&["status"]).exits(5).prints("not set up").prints("hint: ship setup --host sta-fresh");
    fresh.ship(&["deploy", "--image", &image("v1")]).exits(3).says("hint: ship setup");
    bench.power("sta-fresh", "off");
    fresh.ship(&["status"]).exits(5).prints("cannot be reached");
    assert_eq!(fresh.ship(&["status", "--json"]).exits(5).json()["agrees"], false);
}

#[test]
fn status_tells_what_was_changed_by_hand() {
    let bench = Bench::with_docker(&["sta-hand"]);
    let project = Project::ready(&bench, &["sta-hand"], &toml("blog", &["sta-hand"], ""));
    project.ship(&["status"]).exits(5).prints("nothing was deployed yet").prints("hint: ship deploy");
    project.ship(&["releases"]).ok().prints("nothing was deployed yet");
    project.ship(&["rollback"]).exits(3).says("no earlier release");
    project.deploys(&image("v1"));
    let status = project.ship(&["status", "--json"]).ok().json();
    assert_eq!((&status["agrees"], &status["hosts"]["sta-hand"]["meant"]), (&true.into(), &"r1".into()));

    bench.run("sta-hand", "docker stop $(docker ps -q --filter label=ship.app=blog)");
    project.ship(&["status"]).exits(5).prints("does not run");
    until("ship-proxy sees it", || project.ship(&["status"]).stdout.contains("nobody is served"));
    bench.run("sta-hand", "docker rm -f $(docker ps -aq --filter label=ship.app=blog)");
    project.ship(&["status"]).exits(5).prints("the container of web of r1 is not there").prints("hint: ship deploy");
    project.deploys(&image("v2"));
    project.ship(&["status"]).ok();

    a_damaged_ledger(&bench, &project);
    without_the_proxy(&bench, &project);
}

const LEDGER: &str = "/var/lib/ship/apps/blog-production/ledger.jsonl";

/// A byte in the first line: it is found, named, and nothing is guessed.
fn a_damaged_ledger(bench: &Bench, project: &Project) {
    bench.run("sta-hand", &format!("cp -p {LEDGER} /root/ledger && sed -i '1s/planned/plannet/' {LEDGER}"));
    project.ship(&["status"]).exits(5).prints("the ledger cannot be trusted").prints("line");
    project.ship(&["deploy", "--image", &image("v1")]).exits(3).says("sta-hand has a damaged ledger").says("line");
    project.ship(&["rollback"]).exits(3).says("damaged ledger");
    assert_eq!(bench.version("sta-hand"), "v2");
    bench.run("sta-hand", &format!("cp -p /root/ledger {LEDGER}"));
    project.ship(&["status"]).ok();

    // A power cut can leave half a line; that is no damage.
    bench.run("sta-hand", &format!("printf '{{\"v\":1,\"se' >>{LEDGER}"));
    project.ship(&["status"]).ok();
    project.deploys(&image("v1"));
    assert_eq!(bench.version("sta-hand"), "v1");
    project.ship(&["status"]).ok();
}

fn without_the_proxy(bench: &Bench, project: &Project) {
    bench.run("sta-hand", "docker stop ship-proxy");
    project.ship(&["status"]).exits(5).prints("ship-proxy does not answer").prints("hint: ship setup");
    project.ship(&["deploy", "--image", &image("v2")]).exits(3).says("ship-proxy does not answer");
    project.ship(&["setup", "--yes"]).ok();
    assert_eq!(bench.version("sta-hand"), "v1");
    project.ship(&["status"]).ok();
}
