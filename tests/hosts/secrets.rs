//! Secrets arrive byte for byte in the app, and nowhere else.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::support::running::Running;
use super::support::{Bench, Project, image, text, toml};

/// A part of each secret, to be looked for.
const MARK: &str = "sesame-4f1c";

const MORE: &str = "\
[secrets]
FROM_FILE = { file = \"secret\" }
FROM_ENV = { env = \"TOKEN\" }
FROM_COMMAND = { command = [\"cat\", \"printed\"] }
[release]
command = [\"app\", \"migrate\"]
[roles.web]
[roles.worker]
command = [\"app\", \"work\"]
";

#[test]
fn a_secret_is_seen_by_the_app_and_by_nobody_else() {
    let bench = Bench::with_docker(&["sec-one"]);
    let project = Project::ready(&bench, &["sec-one"], &toml("blog", &["sec-one"], MORE));
    let key = format!(
        "-----BEGIN {MARK}-----\nit's \"quoted\" $HOME `id` \\n {{}} # = ;\n\n\ttab ä \u{1f6a2}\n-----END-----"
    );
    let token = format!("{MARK} '\"'\"' $(reboot) %s \\");
    project.write("secret", &key);
    project.write("printed", &format!("{MARK}\nprinted"));
    let watch = Watch::begin(&bench, "sec-one");
    let mut said = String::new();
    let mut ship = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        let ran = Running::start(command.env("TOKEN", &token), None).end().ok();
        said.push_str(&ran.stdout);
        said.push_str(&ran.stderr);
    };
    let (v1, v2) = (image("v1"), image("v2"));
    ship(&["deploy", "-v", "--image", &v1]);
    ship(&["deploy", "-v", "--json", "--timings", "--image", &v2]);
    for arguments in LOOKS {
        ship(arguments);
    }
    ship(&["rollback", "-v", "--timings"]);

    let seen = watch.end(&bench);
    assert!(seen.contains("serve"), "the watch saw no process of the app: it did not work");
    assert!(!seen.contains(MARK), "a secret is in a command line:\n{}", around(&seen));
    assert!(!said.contains(MARK), "ship has said a secret:\n{}", around(&said));
    assert_eq!(readable_by(&bench, "nobody"), "", "files with a secret that everybody may read");
    let of_root = readable_by(&bench, "root");
    assert!(of_root.contains("/var/lib/ship/"), "the search does not find what is there: {of_root}");

    for (name, value) in [("FROM_FILE", key), ("FROM_ENV", token), ("FROM_COMMAND", format!("{MARK}\nprinted"))] {
        let ran = project.ship(&["exec", "--", "app", "env", name]).ok();
        assert_eq!(text(&ran.bytes), value, "{name}");
    }
}

const LOOKS: &[&[&str]] = &[
    &["plan", "-v", "--image", "ship-example/app:lane-v1"],
    &["plan", "--json", "--image", "ship-example/app:lane-v1"],
    &["config", "-v"],
    &["config", "--json"],
    &["status", "-v"],
    &["status", "--json"],
    &["releases", "-v"],
    &["releases", "--json"],
    &["logs", "-v"],
    &["exec", "-v", "--", "app", "id"],
    &["exec", "-v", "--new", "--", "app", "id"],
    &["audit", "-v"],
    &["setup", "-v", "--plan"],
];

/// Files of the host in which an account finds the mark, whose words travel on standard input.
fn readable_by(bench: &Bench, account: &str) -> String {
    let search = format!(
        "setpriv --reuid={account} --regid=$(id -g {account}) --clear-groups \
         grep -rlF -f - --devices=skip --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev /"
    );
    bench.run_with_input("sec-one", &search, MARK.as_bytes())
}

fn around(text: &str) -> String {
    text.lines().filter(|line| line.contains(MARK)).take(5).collect::<Vec<_>>().join("\n")
}

/// Samples the command lines of all processes, on the host and on this machine.
struct Watch {
    stop: Arc<AtomicBool>,
    here: JoinHandle<BTreeSet<String>>,
    name: &'static str,
}

impl Watch {
    fn begin(bench: &Bench, name: &'static str) -> Self {
        let sample = "while :; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' >>/root/seen; echo >>/root/seen; sleep 0.02; done";
        bench.run(name, &format!("systemd-run --quiet --unit=watch sh -c \"{sample}\""));
        let stop = Arc::<AtomicBool>::default();
        let told = Arc::clone(&stop);
        let here = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !told.load(Ordering::Relaxed) {
                seen.extend(command_lines());
                std::thread::sleep(Duration::from_millis(10));
            }
            seen
        });
        Self { stop, here, name }
    }

    fn end(self, bench: &Bench) -> String {
        self.stop.store(true, Ordering::Relaxed);
        let here = self.here.join().unwrap();
        bench.run(self.name, "systemctl stop watch");
        bench.run(self.name, "cat /root/seen; rm /root/seen") + &here.into_iter().collect::<Vec<_>>().join("\n")
    }
}

fn command_lines() -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok()).map(|line| text(&line)).collect()
}
