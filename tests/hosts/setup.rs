//! From a fresh server to the first answer through port 80, and what a second `ship setup` does: nothing.

use super::support::{Bench, Project, image, toml, until};

#[test]
fn a_fresh_server_is_set_up_once_and_serves_what_is_built_here() {
    let bench = Bench::up(&["set-fresh"], &[]);
    let project = Project::new(&bench, &["set-fresh"], &toml("blog", &["set-fresh"], BUILD));
    image::context(&project.path());
    project.ship(&["setup", "--plan"]).ok();
    assert!(!bench.try_run("set-fresh", "command -v dockerd").status.success(), "`--plan` has changed something");

    project.ship(&["setup", "--yes"]).ok();
    the_second_time_nothing_changes(&bench, "set-fresh", &project, &["setup", "--yes"]);

    project.ship(&["deploy"]).ok();
    assert_eq!(bench.version("set-fresh"), "v1");
    assert_eq!(project.newest_release(), "r1 live");
    project.edit("VERSION = \"v1\"", "VERSION = \"v2\"");
    project.ship(&["deploy"]).ok();
    assert_eq!(bench.version("set-fresh"), "v2");
    project.ship(&["status"]).ok();
    // Also now that there is something to lose.
    the_second_time_nothing_changes(&bench, "set-fresh", &project, &["setup", "--yes"]);
}

const BUILD: &str = "[build.args]\nVERSION = \"v1\"\n";

#[test]
fn a_user_with_sudo_sets_up_debian_13() {
    let bench = Bench::up(&["set-sudo"], &["--suite", "trixie", "--user", "deb"]);
    let project = Project::new(&bench, &["set-sudo"], &toml("blog", &["set-sudo"], ""));
    project.ship(&["setup", "--yes", "--as", "deb"]).ok();
    let again = project.ship(&["setup", "--yes", "--as", "deb"]).ok();
    assert!(again.says_anywhere("nothing to do"), "{again:?}");
    project.deploys(&image("v1"));
    assert_eq!(bench.version("set-sudo"), "v1");
    project.ship(&["status"]).ok();
}

#[test]
fn a_server_whose_port_80_is_taken_is_not_touched() {
    let bench = Bench::with_docker(&["set-nginx"]);
    bench.run("set-nginx", "apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y nginx-light");
    let project = Project::new(&bench, &["set-nginx"], &toml("blog", &["set-nginx"], ""));
    project.ship(&["setup", "--yes"]).exits(3).says("nginx").says("80");
    assert!(!bench.try_run("set-nginx", "id ship || test -e /var/lib/ship").status.success(), "setup has begun");

    bench.run("set-nginx", "systemctl disable --now nginx");
    project.ship(&["setup", "--yes"]).ok();
    project.deploys(&image("v1"));
    assert_eq!(bench.version("set-nginx"), "v1");
}

/// The output says it, and the server shows it: no new file, no other account, container or process of Docker.
#[track_caller]
fn the_second_time_nothing_changes(bench: &Bench, name: &str, project: &Project, setup: &[&str]) {
    let before = traces(bench, name);
    bench.run(name, "touch /run/before");
    // File times are as coarse as the kernel's tick.
    until("a later tick", || !bench.run(name, "touch /run/now; find /run/now -newer /run/before").is_empty());
    let ran = project.ship(setup).ok();
    assert!(ran.says_anywhere("nothing to do"), "{ran:?}");
    let newer = bench.run(
        name,
        "find /etc /usr /opt /home /root /var/lib/ship /var/lib/dpkg /var/lib/apt -newer /run/before -not -path '*/.cache/*'",
    );
    assert_eq!(newer, "", "these files have changed");
    assert_eq!(before, traces(bench, name));
}

fn traces(bench: &Bench, name: &str) -> String {
    bench.run(
        name,
        "systemctl show -p MainPID docker; getent passwd; getent group; docker images -q --no-trunc; \
         docker ps -aq --no-trunc | sort | xargs -r docker inspect -f '{{.Id}} {{.State.StartedAt}}'",
    )
}
