//! A rollback puts the whole release back, from what the host itself remembers.

use super::support::{Bench, Project, image, toml};

#[test]
fn a_rollback_restores_environment_and_secrets() {
    let bench = Bench::with_docker(&["rol-env"]);
    let toml = toml("blog", &["rol-env"], "[env]\nX = \"1\"\n[secrets]\nTOKEN = { file = \"token\" }\n");
    let project = Project::new(&bench, &["rol-env"], &toml);
    project.write("token", "first");
    project.ship(&["setup", "--yes"]).ok();
    project.deploys(&image("v1"));
    serves(&bench, "v1", "1", "first");

    project.edit("X = \"1\"", "X = \"2\"");
    project.write("token", "second");
    project.deploys(&image("v2"));
    serves(&bench, "v2", "2", "second");

    project.ship(&["rollback"]).ok();
    serves(&bench, "v1", "1", "first");

    // From a directory that knows the host and nothing else that is true.
    let stranger = Project::new(&bench, &["rol-env"], BROKEN);
    stranger.ship(&["deploy"]).exits(2);
    stranger.ship(&["rollback"]).ok();
    serves(&bench, "v2", "2", "second");
    stranger.ship(&["rollback", "r1"]).ok();
    serves(&bench, "v1", "1", "first");

    // Its containers were tidied away by someone.
    bench.run("rol-env", "docker rm -f $(docker ps -aq --filter label=ship.release=r2)");
    stranger.ship(&["rollback", "r2"]).ok();
    serves(&bench, "v2", "2", "second");
    stranger.ship(&["status"]).ok();

    stranger.ship(&["rollback", "r9"]).exits(3).says("does not know r9").says("hint: ship rollback r1");
    serves(&bench, "v2", "2", "second");
}

const BROKEN: &str = "\
app = \"blog\"
[hosts.rol-env]
[build]
context = \"/nowhere\"
[roles.web]
port = \"none\"
[nonsense]
sense = 0
[secrets]
TOKEN = { file = \"lost\" }
";

#[track_caller]
fn serves(bench: &Bench, version: &str, x: &str, token: &str) {
    assert_eq!(bench.version("rol-env"), version);
    assert_eq!(bench.get("rol-env", "/env?name=X"), x);
    assert_eq!(bench.get("rol-env", "/env?name=TOKEN"), token);
}
