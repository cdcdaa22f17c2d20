//! What a file means beyond what a picture of it shows.

use std::path::Path;

use ship::config::{BuildSource, SecretSource, problem, reach, resolve};
use ship::name::EnvironmentName;
use ship::release::{TLS_KEY, Tls};

const WHOLE: &str = include_str!("../../data/config/valid/whole-app.toml");

fn environment(name: &str) -> EnvironmentName {
    name.parse().unwrap()
}

#[test]
fn a_given_certificate_is_filled_in_by_whoever_reads_files() {
    let mut project = resolve(WHOLE, "ship.toml", None).unwrap();
    assert_eq!(project.certificate.as_deref(), Some(Path::new("certificates/blog.pem")));
    assert_eq!(project.secrets.get(TLS_KEY), Some(&SecretSource::File("/etc/blog.key".into())));
    project.fill_certificate("chain".to_owned());
    assert_eq!(project.spec.routes.unwrap().tls, Tls::Given { certificate: "chain".to_owned() });
}

#[test]
fn a_dockerfile_is_seen_from_its_context() {
    let project = resolve(WHOLE, "ship.toml", None).unwrap();
    let BuildSource::Dockerfile(build) = project.build else { panic!("not built") };
    assert_eq!(build.dockerfile, Path::new("app/docker/Dockerfile"));
}

#[test]
fn an_unknown_environment_is_a_near_miss() {
    let text = "app = \"blog\"\n[hosts.a]\n[environments.staging]\nkeep = 3\n";
    let problems = resolve(text, "ship.toml", Some(&environment("stagin"))).unwrap_err();
    assert_eq!(
        problem::render(&problems),
        "ship.toml: there is no environment `stagin`\n  hint: did you mean `staging`?\n"
    );
    let none = resolve("app = \"blog\"\n[hosts.a]\n", "ship.toml", Some(&environment("eu"))).unwrap_err();
    assert_eq!(problem::render(&none), "ship.toml: there is no environment `eu`\n  hint: there is production\n");
}

#[test]
fn the_hosts_can_be_reached_whatever_else_is_wrong() {
    let broken = "app = \"blog\"\nkep = 5\n[hosts.web-1]\naddress = \"203.0.113.7\"\n[roles.web]\nhosts = [\"x\"]\n\
                  command = oops\n[proxy\ndomains = 7\n[env]\nA = \"open\nB = 1\n[environments.staging.hosts.web-1]\n\
                  address = \"203.0.113.8\"\n[environments.staging.roles]\nweb = 1\n";
    assert!(resolve(broken, "ship.toml", None).is_err());
    let address = |name: Option<&EnvironmentName>| {
        let reach = reach(broken, "ship.toml", name).unwrap();
        reach.hosts.values().map(|host| host.address.clone()).collect::<Vec<_>>()
    };
    assert_eq!(address(None), ["203.0.113.7"]);
    assert_eq!(address(Some(&environment("staging"))), ["203.0.113.8"]);
}

#[test]
fn hosts_that_are_wrong_themselves_are_not_guessed() {
    for text in [
        "app = \"blog\"\n[hosts.web-1]\naddress = 203.0.113.7\n",
        "app = \"blog\"\n[hosts.web-1]\naddress = \"203.0.113.7 \"\n",
        "app = \"blog\"\n[hosts.web-1]\nadress = \"203.0.113.7\"\n",
        "app = \"blog\"\n[hosts.web-1\naddress = \"203.0.113.7\"\n",
        "app = blog\n[hosts.web-1]\naddress = \"203.0.113.7\"\n",
        "[hosts.web-1]\naddress = \"203.0.113.7\"\n",
        "app = \"blog\"\n",
    ] {
        assert!(reach(text, "ship.toml", None).is_err(), "{text}");
    }
}

#[test]
fn no_text_makes_the_reader_stumble() {
    let whole = WHOLE.to_owned() + include_str!("../../data/config/valid/environments.toml");
    let cuts = (0..whole.len()).filter(|&at| whole.is_char_boundary(at));
    for text in cuts.map(|at| &whole[..at]) {
        for problems in [resolve(text, "ship.toml", None).err(), reach(text, "ship.toml", None).err()] {
            let rendered = problem::render(&problems.unwrap_or_default());
            assert!(!rendered.contains("\n\n\n"));
        }
    }
}

mod properties {
    use proptest::prelude::*;
    use ship::config::{problem, reach, resolve};

    proptest! {
        #[test]
        fn any_text_gives_a_project_or_problems(text in "(?s)[\\[\\]=\"'.#{}a-z0-9é\\n\\t, ]{0,80}") {
            for problems in [resolve(&text, "f", None).err(), reach(&text, "f", None).err()].into_iter().flatten() {
                prop_assert!(!problems.is_empty());
                problem::render(&problems);
            }
        }
    }
}
