//! What a host cannot take: more than its disk holds, or an image for another platform.

use super::support::{Bench, Project, image, toml};

#[test]
fn a_full_disk_is_named_and_the_old_release_serves() {
    let bench = Bench::up(&["lim-disk"], &["--docker", "--disk", "300m"]);
    let project = Project::ready(&bench, &["lim-disk"], &toml("blog", &["lim-disk"], ""));
    project.deploys(&image("v1"));
    let fat = image::variant("fat", "fat", &["--fat", "400"]);
    project.ship(&["deploy", "--image", &fat]).exits(4).says("no space left on device").says("lim-disk serves r1");
    assert_eq!(bench.version("lim-disk"), "v1");
    project.ship(&["status"]).ok();
    project.deploys(&image("v2"));
    assert_eq!(bench.version("lim-disk"), "v2");
}

#[test]
fn an_image_for_another_platform_is_refused_before_anything_is_sent() {
    let bench = Bench::with_docker(&["lim-arm"]);
    let project = Project::ready(&bench, &["lim-arm"], &toml("blog", &["lim-arm"], ""));
    project.deploys(&image("v1"));
    let before = bench.run("lim-arm", "docker images -q; cat /var/lib/ship/apps/*/ledger.jsonl");
    let ran = project.ship(&["deploy", "--image", &image::for_arm()]).exits(3);
    ran.says("the image is for linux/arm64, but lim-arm is linux/amd64").says("build.platform");
    assert_eq!(before, bench.run("lim-arm", "docker images -q; cat /var/lib/ship/apps/*/ledger.jsonl"));
    assert_eq!(bench.version("lim-arm"), "v1");
}
