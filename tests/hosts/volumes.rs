//! What an app wrote outlives its releases and the power of its host.

use super::support::{Bench, Project, image, toml, until, web};

#[test]
fn a_volume_outlives_releases_and_a_power_cut() {
    let bench = Bench::with_docker(&["vol-one"]);
    let project = Project::ready(&bench, &["vol-one"], &toml("blog", &["vol-one"], "[volumes]\ndata = \"/data\"\n"));
    project.deploys(&image("v1"));
    write(&bench, "written by r1");

    for version in ["v2", "v1", "v2"] {
        project.deploys(&image(version));
        assert_eq!(bench.get("vol-one", "/volume"), "written by r1");
    }
    project.ship(&["rollback"]).ok();
    assert_eq!(bench.version("vol-one"), "v1");
    assert_eq!(bench.get("vol-one", "/volume"), "written by r1");

    bench.power("vol-one", "cycle");
    until("an answer after the power cut", || bench.version("vol-one") == "v1");
    assert_eq!(bench.get("vol-one", "/volume"), "written by r1");
    until("a good status after the power cut", || project.ship(&["status"]).code == 0);
    project.deploys(&image("v2"));
    assert_eq!(bench.get("vol-one", "/volume"), "written by r1");
}

#[test]
fn the_image_s_own_user_can_write_to_a_new_volume() {
    let bench = Bench::with_docker(&["vol-user"]);
    let more = "[volumes]\ndata = \"/data\"\nshared = { path = \"/shared\", from = \"/srv/shared\" }\n";
    let project = Project::ready(&bench, &["vol-user"], &toml("blog", &["vol-user"], more));
    bench.run("vol-user", "mkdir -p /srv/shared && echo 'of the host' >/srv/shared/file");
    project.deploys(&image::variant("user", "v1", &["--user", "1000"]));
    project.ship(&["exec", "--", "app", "id"]).ok().prints("uid=1000");
    let put = web::put(bench.address("vol-user"), "/volume", "mine");
    assert!(matches!(put.status, 200..=299), "{put:?}");
    assert_eq!(bench.get("vol-user", "/volume"), "mine");
    project.ship(&["exec", "--", "app", "read", "/shared/file"]).ok().prints("of the host");
}

#[track_caller]
fn write(bench: &Bench, content: &str) {
    let put = web::put(bench.address("vol-one"), "/volume", content);
    assert!(matches!(put.status, 200..=299), "{put:?}");
}
