//! Several apps and environments side by side on one host, each with its own routes and containers.

use super::support::{Bench, Project, image, toml, web};

#[test]
fn apps_and_environments_share_a_host_and_leave_each_other_alone() {
    let bench = Bench::with_docker(&["app-one"]);
    let blog = Project::ready(&bench, &["app-one"], &toml("blog", &["app-one"], BLOG));
    let shop = Project::new(&bench, &["app-one"], &toml("shop", &["app-one"], SHOP));
    blog.deploys(&image("v1"));
    blog.ship(&["-e", "staging", "deploy", "--image", &image("v2")]).ok();
    shop.deploys(&image("v3"));
    for (domain, version) in [("blog.test", "v1"), ("staging.blog.test", "v2"), ("shop.test", "v3")] {
        assert_eq!(served(&bench, domain), version);
    }
    assert_eq!(web::get(bench.address("app-one"), "/version", &["Host: nobody.test"]).status, 404);
    assert_eq!(env(&bench, "blog.test"), "production");
    assert_eq!(env(&bench, "staging.blog.test"), "staging");

    // A domain belongs to one app.
    let thief = Project::new(&bench, &["app-one"], &toml("thief", &["app-one"], SHOP));
    thief.ship(&["deploy", "--image", &image("v1")]).exits(4).says("shop.test");
    assert_eq!(served(&bench, "shop.test"), "v3");

    blog.ship(&["-e", "staging", "remove", "--yes"]).ok();
    assert_eq!(web::get(bench.address("app-one"), "/version", &["Host: staging.blog.test"]).status, 404);
    assert_eq!(served(&bench, "blog.test"), "v1");
    assert_eq!(served(&bench, "shop.test"), "v3");
    blog.ship(&["status"]).ok();
    shop.ship(&["status"]).ok();
    assert_eq!(bench.run("app-one", "docker ps -aq --filter label=ship.environment=staging"), "");
    assert_eq!(bench.run("app-one", "docker volume ls -q | grep -c staging").trim(), "1", "volumes stay");

    // What is left can still be changed, and what was removed can come back.
    blog.deploys(&image("v2"));
    blog.ship(&["rollback"]).ok();
    blog.ship(&["-e", "staging", "deploy", "--image", &image("v3")]).ok();
    assert_eq!(served(&bench, "blog.test"), "v1");
    assert_eq!(served(&bench, "staging.blog.test"), "v3");
}

const BLOG: &str = "\
[proxy]
domains = [\"blog.test\"]
drain = \"3s\"
[env]
STAGE = \"production\"
[volumes]
data = \"/data\"
[environments.staging.proxy]
domains = [\"staging.blog.test\"]
[environments.staging.env]
STAGE = \"staging\"
";

const SHOP: &str = "[proxy]\ndomains = [\"shop.test\"]\ndrain = \"3s\"\n";

fn served(bench: &Bench, domain: &str) -> String {
    ask(bench, domain, "/version")
}

fn env(bench: &Bench, domain: &str) -> String {
    ask(bench, domain, "/env?name=STAGE")
}

fn ask(bench: &Bench, domain: &str, path: &str) -> String {
    web::get(bench.address("app-one"), path, &[&format!("Host: {domain}")]).in_words()
}
