//! Releases that cannot work: the old one goes on serving, and the reason is named.

use super::support::{Bench, Project, image, toml};

/// A way to be broken.
struct Bad {
    /// Added to `ship.toml`.
    toml: &'static str,
    /// Words of the error.
    says: &'static [&'static str],
    /// What the containers of the release said, if it has any.
    logs: Option<&'static str>,
}

const BAD: &[Bad] = &[
    Bad {
        toml: "[env]\nAPP_EXIT = \"3\"\n",
        says: &["did not become healthy", "exited with code 3", "| app: cannot start: APP_EXIT=3"],
        logs: Some("app: cannot start: APP_EXIT=3"),
    },
    Bad {
        toml: "[env]\nAPP_UP_STATUS = \"503\"\n[roles.web.health]\ndeadline = \"2s\"\n",
        says: &["did not become healthy", "/up answered 503 for "],
        logs: Some("GET /up 503"),
    },
    Bad {
        toml: "[env]\nAPP_PORT = \"4000\"\n[roles.web.health]\ndeadline = \"2s\"\n",
        says: &["did not become healthy", "it listens on port 4000, not on 3000"],
        logs: Some("v2 listens on 0.0.0.0:4000"),
    },
    Bad {
        toml: "[env]\nAPP_BIND = \"127.0.0.1\"\n[roles.web.health]\ndeadline = \"2s\"\n",
        says: &["did not become healthy", "it listens on 127.0.0.1:3000 only"],
        logs: Some("v2 listens on 127.0.0.1:3000"),
    },
    Bad {
        toml: "[env]\nAPP_START_MS = \"60000\"\n[roles.web.health]\ndeadline = \"2s\"\n",
        says: &["did not become healthy", "nothing in the container listens on any port"],
        logs: None,
    },
    Bad {
        toml: "[release]\ncommand = [\"app\", \"migrate\", \"--fail\"]\n",
        says: &["the release command of", "failed", "exit code 1", "relation \"posts\" already exists"],
        logs: None,
    },
    Bad {
        toml: "[roles.web]\n[roles.worker]\ncommand = [\"app\", \"exit\", \"7\"]\n",
        says: &["did not become healthy", "worker", "exited with code 7"],
        logs: None,
    },
    Bad {
        toml: "[roles.web]\n[roles.worker]\ncommand = [\"app\", \"work\"]\nmemory = \"32m\"\nenv.APP_LEAK_MB = \"200\"\n",
        says: &["did not become healthy", "worker", "it needs more memory than its limit"],
        logs: None,
    },
    Bad {
        toml: "[roles.web]\n[roles.worker]\ncommand = [\"app\", \"work\"]\n\
               health = { command = [\"app\", \"read\", \"/lost\"], deadline = \"2s\" }\n",
        says: &["did not become healthy", "`app read /lost`", "exit code 1", "/lost: No such file"],
        logs: Some("v2 works, tick"),
    },
    Bad { toml: "[roles.web]\ncommand = [\"no-such-program\"]\n", says: &["no-such-program"], logs: None },
];

#[test]
fn a_bad_release_leaves_the_old_one_and_is_explained() {
    let bench = Bench::with_docker(&["bad-one"]);
    let good = toml("blog", &["bad-one"], "");
    let project = Project::ready(&bench, &["bad-one"], &good);
    project.deploys(&image("v1"));
    let v2 = image("v2");

    for (bad, number) in BAD.iter().zip(2..) {
        project.write("ship.toml", &toml("blog", &["bad-one"], bad.toml));
        let ran = project.ship(&["deploy", "--image", &v2]).exits(4);
        let ran = bad.says.iter().fold(ran, |ran, words| ran.says(words));
        ran.says("state: bad-one serves r1");
        assert_eq!(bench.version("bad-one"), "v1", "{}", bad.toml);
        assert_eq!(project.newest_release(), format!("r{number} failed"));
        if let Some(words) = bad.logs {
            project.ship(&["logs", "--release", &format!("r{number}")]).ok().prints(words);
        }
    }

    project.ship(&["status"]).ok();
    project.write("ship.toml", &good);
    project.deploys(&v2);
    assert_eq!(bench.version("bad-one"), "v2");
    assert_eq!(bench.run("bad-one", RUNNING).trim(), format!("r{}", BAD.len() + 2));
}

const RUNNING: &str = "docker ps --filter label=ship.app=blog --format '{{.Label \"ship.release\"}}'";
