//! Commands in production: exit code, streams byte for byte, a real terminal, and a record of who did.

use super::support::terminal::Terminal;
use super::support::{Bench, Project, image, toml};

#[test]
fn commands_run_in_production_as_if_they_ran_here() {
    let bench = Bench::with_docker(&["exe-one"]);
    let project = Project::ready(&bench, &["exe-one"], &toml("blog", &["exe-one"], MORE));
    project.deploys(&image("v1"));

    streams_and_exit_code(&project);
    binary_data(&project);
    a_real_terminal(&project);
    a_fresh_container(&bench, &project);
    the_place_can_be_chosen(&project);
    everything_is_recorded(&project);
}

const MORE: &str = "\
[roles.web]
replicas = 2
[roles.worker]
command = [\"app\", \"work\"]
[roles.worker.env]
WHO = \"worker\"
[env]
WHO = \"anyone\"
[volumes]
data = \"/data\"
[console]
command = [\"app\", \"tty\"]
";

fn streams_and_exit_code(project: &Project) {
    project.ship(&["exec", "--", "app", "exit", "7"]).exits(7);
    let ran = project.ship(&["exec", "--", "app", "echo", "a b", "c"]).ok();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("a b c\n", ""));
    let ran = project.ship(&["exec", "--", "app", "nonsense"]).exits(2).says("usage: app");
    assert_eq!(ran.stdout, "");
    // The engine says it where the program would have spoken.
    let ran = project.ship(&["exec", "--", "no-such-program"]);
    assert!(matches!(ran.code, 126 | 127) && ran.says_anywhere("no-such-program"), "{ran:?}");
}

fn binary_data(project: &Project) {
    let data = noise(5_000_000);
    let ran = project.ship_with_input(&["exec", "--", "app", "cat"], &data).ok();
    assert!(ran.bytes == data, "{} bytes of {} came back, or they have changed", ran.bytes.len(), data.len());
    let ran = project.ship_with_input(&["exec", "--new", "--", "app", "cat"], &data).ok();
    assert!(ran.bytes == data, "{} bytes of {} came back with --new", ran.bytes.len(), data.len());
}

/// Every byte value in no order (xorshift).
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

fn a_real_terminal(project: &Project) {
    for arguments in [&["exec", "--", "app", "tty"][..], &["exec", "--new", "--", "app", "tty"], &["console"]] {
        let mut command = project.command(arguments);
        command.env("TERM", "xterm-256color");
        let mut terminal = Terminal::run(&command, 100, 30);
        terminal.until_shows("stdin: a terminal");
        terminal.until_shows("TERM: xterm-256color");
        terminal.until_shows("size: 100x30");
        terminal.types(b"hello\r");
        terminal.until_shows("you said: hello");
        terminal.resize(120, 40);
        terminal.until_shows("size: 120x40");
        terminal.types(b"\x03");
        terminal.until_shows("interrupted");
        assert_eq!(terminal.end(), 130, "{arguments:?}: {}", terminal.screen());
    }
}

fn a_fresh_container(bench: &Bench, project: &Project) {
    let before = containers(bench);
    project.ship(&["exec", "--", "app", "write", "/data/file", "kept"]).ok();
    project.ship(&["exec", "--new", "--", "app", "read", "/data/file"]).ok().prints("kept");
    project.ship(&["exec", "--new", "--", "app", "env", "WHO"]).ok().prints("anyone");
    project.ship(&["exec", "--new", "--", "app", "exit", "9"]).exits(9);
    assert_eq!(before, containers(bench), "a one-off container was left behind");
}

fn containers(bench: &Bench) -> String {
    bench.run("exe-one", "docker ps -aq --no-trunc | sort")
}

fn the_place_can_be_chosen(project: &Project) {
    project.ship(&["exec", "--role", "worker", "--", "app", "env", "WHO"]).ok().prints("worker");
    project.ship(&["exec", "--replica", "2", "--", "app", "echo", "second"]).ok().prints("second");
    project.ship(&["exec", "--replica", "3", "--", "app", "id"]).exits(3);
    project.ship(&["exec", "--role", "nobody", "--", "app", "id"]).exits(2).says("nobody");
    project.ship(&["exec", "--host", "exe-two", "--", "app", "id"]).exits(2).says("exe-two").says("exe-one");
}

fn everything_is_recorded(project: &Project) {
    let audit = project.ship(&["audit", "--json"]).ok().json();
    let commands = audit["commands"].as_array().unwrap();
    let find = |command: &[&str]| {
        let found = commands.iter().find(|entry| entry["command"] == serde_json::json!(command));
        found.unwrap_or_else(|| panic!("{command:?} is not in {audit:#}"))
    };
    assert_eq!(find(&["app", "exit", "7"])["exit"], 7);
    assert_eq!(find(&["app", "exit", "9"])["exit"], 9);
    assert_eq!(find(&["app", "tty"])["exit"], 130);
    let entry = find(&["app", "echo", "a b", "c"]);
    assert!(entry["by"].as_str().unwrap().starts_with("ana@"), "{entry}");
    assert_eq!((&entry["host"], &entry["exit"]), (&"exe-one".into(), &0.into()));
    project.ship(&["audit"]).ok().prints("app exit 7");
}
