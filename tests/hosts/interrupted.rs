//! Deploys that are killed, interrupted or met by another one: users are served all the time, and the next command
//! carries on.

use rustix::process::Signal;

use super::support::load::Load;
use super::support::{Bench, Project, image, toml};

/// Actions of a deploy, in words of the plan, at whose beginning ship is killed.
const MOMENTS: &[&str] = &[
    "write the record",
    "push image",
    "create",
    "start",
    "then move traffic to",
    "keep the traffic there",
    "as live",
    "stop and keep",
];

#[test]
fn a_killed_deploy_leaves_users_served_and_the_next_one_carries_on() {
    let bench = Bench::with_docker(&["int-kill"]);
    let project = Project::ready(&bench, &["int-kill"], &toml("blog", &["int-kill"], ""));
    project.deploys(&image("v1"));
    let load = Load::on(bench.address("int-kill"));
    for moment in MOMENTS {
        let mut deploy = project.start(&["deploy", "--json", "--image", &image("v2")]);
        deploy.until_begins("int-kill", moment);
        deploy.signal(Signal::KILL);
        deploy.end().exits(-1);
        project.deploys(&image("v1"));
        assert_eq!(bench.version("int-kill"), "v1", "killed at `{moment}`");
        project.ship(&["status"]).ok();
    }
    let seen = load.stop();
    assert_eq!(seen.failures, [""; 0], "of {} answers", seen.answered);
}

#[test]
fn an_interrupted_deploy_undoes_itself_and_a_second_one_waits_for_the_first() {
    let bench = Bench::with_docker(&["int-two"]);
    let plain = toml("blog", &["int-two"], "[volumes]\ndata = \"/data\"\n");
    let project = Project::ready(&bench, &["int-two"], &plain);
    project.deploys(&image("v1"));
    interrupted(&bench, &project);
    project.write("ship.toml", &(plain + GATE));
    a_second_one_waits(&bench, &project);
    a_second_one_gives_up(&bench, &project);
}

fn interrupted(bench: &Bench, project: &Project) {
    project.edit("[volumes]", "[env]\nAPP_START_MS = \"25000\"\n[volumes]");
    let mut deploy = project.start(&["deploy", "--json", "--image", &image("v2")]);
    deploy.until_begins("int-two", "then move traffic to");
    deploy.signal(Signal::INT);
    deploy.end().exits(130).says("interrupted").says("int-two serves r1");
    assert_eq!(bench.version("int-two"), "v1");
    assert_eq!(project.newest_release(), "r2 failed");
    project.ship(&["status"]).ok();
}

/// A deploy waits here until the test has written a file.
const GATE: &str = "\
[roles.web]
[roles.gate]
command = [\"app\", \"work\"]
[roles.gate.health]
command = [\"app\", \"read\", \"/data/first\"]
deadline = \"90s\"
";

/// Each of two people gets a turn, and the second knows whom to ask.
fn a_second_one_waits(bench: &Bench, project: &Project) {
    let mut first = project.start(&["deploy", "--json", "--image", &image("v2")]);
    first.until_begins("int-two", "wait until `app read /data/first`");
    let mut second = project.start(&["deploy", "--image", &image("v1")]);
    second.until_says("int-two: waiting for the lease, which ana@");
    second.until_says("for `ship deploy` holds");
    project.ship(&["exec", "--", "app", "write", "/data/first", "go"]).ok();
    first.end().ok();
    second.end().ok();
    assert_eq!(bench.version("int-two"), "v1");
    assert_eq!(project.newest_release(), "r4 live");
}

fn a_second_one_gives_up(bench: &Bench, project: &Project) {
    project.edit("/data/first", "/data/second");
    project.edit("[roles.web]", "[deploy]\nlease_wait = \"0s\"\n[roles.web]");
    let mut first = project.start(&["deploy", "--json", "--image", &image("v2")]);
    first.until_begins("int-two", "wait until `app read /data/second`");
    let refused = project.ship(&["deploy", "--image", &image("v1")]).exits(3);
    refused.says("ana@").says("nothing was changed on any host");
    // Who only looks does not wait.
    project.ship(&["status"]).exits(5).prints("is being put there by ana@");
    project.ship(&["exec", "--", "app", "write", "/data/second", "go"]).ok();
    first.end().ok();
    assert_eq!(bench.version("int-two"), "v2");
}
