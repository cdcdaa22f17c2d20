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
    let project = Project::ready(&bench, &["int-two"], &toml("blog", &["int-two"], ""));
    project.deploys(&image("v1"));
    interrupted(&bench, &project);
    met_by_another(&bench, &project);
}

fn interrupted(bench: &Bench, project: &Project) {
    project.edit("app = \"blog\"", "app = \"blog\"\nenv.APP_START_MS = \"20000\"");
    let mut deploy = project.start(&["deploy", "--json", "--image", &image("v2")]);
    deploy.until_begins("int-two", "then move traffic to");
    deploy.signal(Signal::INT);
    deploy.end().exits(130).says("interrupted").says("int-two serves r1");
    assert_eq!(bench.version("int-two"), "v1");
    assert_eq!(project.newest_release(), "r2 failed");
    project.ship(&["status"]).ok();
}

/// Each of two people gets a turn, and the second knows whom to ask.
fn met_by_another(bench: &Bench, project: &Project) {
    project.edit("20000", "3000");
    let mut first = project.start(&["deploy", "--json", "--image", &image("v2")]);
    first.until_begins("int-two", "then move traffic to");
    let mut second = project.start(&["deploy", "--image", &image("v1")]);
    second.until_says("int-two: waiting for the lease, which ana@");
    second.until_says("for `ship deploy` holds");
    assert!(first.goes_on(), "the second did not have to wait");
    first.end().ok();
    second.end().ok();
    assert_eq!(bench.version("int-two"), "v1");
    assert_eq!(project.newest_release(), "r4 live");

    project.edit("env.", "deploy.lease_wait = \"0s\"\nenv.");
    let mut first = project.start(&["deploy", "--json", "--image", &image("v2")]);
    first.until_begins("int-two", "then move traffic to");
    let refused = project.ship(&["deploy", "--image", &image("v1")]).exits(3);
    refused.says("ana@").says("nothing was changed on any host");
    // Who only looks does not wait.
    project.ship(&["status"]).exits(5).prints("is being put there by ana@");
    first.end().ok();
    assert_eq!(bench.version("int-two"), "v2");
}
