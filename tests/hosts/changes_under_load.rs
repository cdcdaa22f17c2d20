//! Deploys and rollbacks in a row, and users who must not notice.

use super::support::load::Load;
use super::support::{Bench, Project, image, toml};

#[test]
fn twenty_changes_in_a_row_fail_no_request() {
    let bench = Bench::with_docker(&["tra-one"]);
    let more = "[roles.web]\nreplicas = 2\n";
    let project = Project::ready(&bench, &["tra-one"], &toml("blog", &["tra-one"], more));
    project.deploys(&image("v1"));

    let load = Load::on(bench.address("tra-one"));
    // Each round ends with the version that it began with: v1, v2, back to v1.
    for _ in 0..10 {
        change(&bench, &project, &["deploy", "--image", &image("v2")], "v2");
        change(&bench, &project, &["rollback"], "v1");
    }
    let seen = load.stop();
    assert_eq!(seen.failures, [""; 0], "of {} answers", seen.answered);
    assert!(seen.answered > 1000, "only {} answers: that was no load", seen.answered);
    project.ship(&["status"]).ok();
}

#[track_caller]
fn change(bench: &Bench, project: &Project, arguments: &[&str], version: &str) {
    project.ship(arguments).ok();
    assert_eq!(bench.version("tra-one"), version);
}
