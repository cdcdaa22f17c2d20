//! Three hosts: roles find their places, and when one host dies the others go back to where they were.

use rustix::process::Signal;

use super::support::image::variant;
use super::support::running::Ran;
use super::support::{Bench, Project, image, toml, until};

#[test]
fn roles_run_on_their_hosts_and_a_host_that_is_down_stops_a_deploy_before_it_begins() {
    let names = ["fle-a", "fle-b", "fle-c"];
    let bench = Bench::with_docker(&names);
    let project = Project::ready(&bench, &names, &toml("blog", &names, ROLES));
    project.deploys(&image("v1"));
    assert_eq!(roles(&bench, "fle-a"), ["web", "web"]);
    assert_eq!(roles(&bench, "fle-b"), ["web", "web", "worker"]);
    assert_eq!(roles(&bench, "fle-c"), ["worker"]);
    assert_eq!(bench.version("fle-a"), "v1");
    assert_eq!(bench.version("fle-b"), "v1");
    project.ship(&["status"]).ok();

    bench.power("fle-c", "off");
    let ran = project.ship(&["deploy", "--image", &image("v2")]).exits(3);
    ran.says("fle-c").says("nothing was changed on any host").says("--host fle-a --host fle-b");
    assert_eq!(bench.version("fle-a"), "v1");
    project.ship(&["status"]).exits(5).prints("cannot be reached");
    project.ship(&["logs"]).exits(3).says("fle-c");

    // Those that answer can go on; the third follows when it is back.
    project.ship(&["deploy", "--image", &image("v2"), "--host", "fle-a", "--host", "fle-b"]).ok();
    assert_eq!(bench.version("fle-b"), "v2");
    bench.power("fle-c", "on");
    until("the worker of r1 after the boot", || roles(&bench, "fle-c") == ["worker"]);
    project.ship(&["status"]).exits(5).prints("the hosts differ: r1 on fle-c; r2 on fle-a, fle-b");
    project.deploys(&image("v2"));
    assert_eq!(project.newest_release(), "r3 live");
    project.ship(&["status"]).ok();
}

const ROLES: &str = "\
[roles.web]
hosts = [\"fle-a\", \"fle-b\"]
replicas = 2
[roles.worker]
hosts = [\"fle-b\", \"fle-c\"]
command = [\"app\", \"work\"]
";

fn roles(bench: &Bench, name: &str) -> Vec<String> {
    let words = bench.run(name, "docker ps --filter label=ship.app=blog --format '{{.Label \"ship.role\"}}' | sort");
    words.lines().map(str::to_owned).collect()
}

#[test]
fn when_one_of_three_hosts_dies_during_a_deploy_the_others_go_back() {
    let names = ["die-a", "die-b", "die-c"];
    let bench = Bench::with_docker(&names);
    let project = Project::ready(&bench, &names, &toml("blog", &names, ""));
    project.deploys(&image("v1"));

    let ran = dies(&project, || bench.net("die-b", &["cut"]));
    ran.exits(5).says("die-b does not answer").says("die-a serves r1").says("die-c serves r1");
    serve(&bench, &["die-a", "die-c"], "v1");
    bench.net("die-b", &["heal"]);
    // Nobody told it, and nobody has to: ship-proxy goes back by itself.
    until("r1 on die-b", || bench.version("die-b") == "v1");
    project.deploys(&image("v2"));
    serve(&bench, &names, "v2");

    let ran = dies(&project, || bench.power("die-b", "cut"));
    ran.exits(5).says("die-b does not answer").says("die-a serves r3").says("die-c serves r3");
    serve(&bench, &["die-a", "die-c"], "v2");
    bench.power("die-b", "on");
    until("r3 on die-b", || bench.version("die-b") == "v2");
    project.deploys(&image("v1"));
    serve(&bench, &names, "v1");

    // It is ship that dies, when the first host has the new release on probation.
    let mut deploy = project.start(&["deploy", "--json", "--image", &slow()]);
    deploy.until_begins("die-b", "then move traffic to");
    assert_eq!(bench.version("die-a"), "v3");
    deploy.signal(Signal::KILL);
    deploy.end().exits(-1);
    until("r5 on die-a", || bench.version("die-a") == "v1");
    serve(&bench, &names, "v1");
    project.ship(&["status"]).exits(5).prints("the deploy of r6 stopped half-way");
    project.deploys(&image("v2"));
    serve(&bench, &names, "v2");
    project.ship(&["status"]).ok();
}

/// Takes its time to start, so that a host can die while it does.
fn slow() -> String {
    variant("slow", "v3", &["--env", "APP_START_MS=6000"])
}

/// A deploy to a fleet whose second host dies when its turn has come and the first serves the new release.
#[track_caller]
fn dies(project: &Project, die: impl Fn()) -> Ran {
    let mut deploy = project.start(&["deploy", "--json", "--image", &slow()]);
    deploy.until_begins("die-b", "then move traffic to");
    die();
    deploy.end()
}

#[track_caller]
fn serve(bench: &Bench, names: &[&str], version: &str) {
    for name in names {
        assert_eq!(bench.version(name), version, "{name}");
    }
}
