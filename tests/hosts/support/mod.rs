//! Throwaway servers and projects for the slow lane. Everything goes through the real binaries and `scripts/hosts`, as
//! a user would.

pub(crate) mod image;
pub(crate) mod load;
pub(crate) mod project;
pub(crate) mod running;
pub(crate) mod terminal;
pub(crate) mod web;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

pub(crate) use image::image;
pub(crate) use project::{Project, toml};

/// A time that only a hung test needs, on a slow machine too.
const HUNG: Duration = Duration::from_mins(2);

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Servers that are gone when the test is over, whatever its end.
pub(crate) struct Bench {
    /// `scripts/hosts`
    script: PathBuf,
    /// Names with addresses.
    hosts: Vec<(String, String)>,
}

impl Bench {
    /// Starts servers. Names are unique in the slow lane, because its tests run side by side.
    #[track_caller]
    pub(crate) fn up(names: &[&str], options: &[&str]) -> Self {
        let mut bench = Self::empty();
        // What an earlier run left over.
        let _ = bench.hosts(&["down"], names);
        let output = bench.hosts(&[&["up"], options].concat(), names);
        let addresses = text(&output.stdout);
        let hosts = names.iter().zip(addresses.lines()).map(|(name, line)| ((*name).to_owned(), line.to_owned()));
        // Before the check, so that servers that did come up go away again.
        bench.hosts = hosts.collect();
        assert!(output.status.success(), "scripts/hosts up {names:?}: {}", text(&output.stderr));
        bench
    }

    /// Starts servers that have Docker Engine already.
    #[track_caller]
    pub(crate) fn with_docker(names: &[&str]) -> Self {
        Self::up(names, &["--docker"])
    }

    /// No servers.
    pub(crate) fn empty() -> Self {
        Self { script: root().join("scripts/hosts"), hosts: Vec::new() }
    }

    /// The address of a server.
    #[track_caller]
    pub(crate) fn address(&self, name: &str) -> &str {
        let host = self.hosts.iter().find(|(known, _)| known == name);
        &host.unwrap_or_else(|| panic!("there is no server {name}")).1
    }

    /// The path of an SSH configuration that reaches a server as root.
    pub(crate) fn ssh_config(&self, name: &str) -> PathBuf {
        text(&self.hosts(&["ssh-config"], &[name]).stdout).trim().into()
    }

    /// Runs a command on a server as root, which must succeed; answers its standard output.
    #[track_caller]
    pub(crate) fn run(&self, name: &str, command: &str) -> String {
        let output = self.try_run(name, command);
        assert!(output.status.success(), "{command} on {name}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs a command on a server as root.
    pub(crate) fn try_run(&self, name: &str, command: &str) -> Output {
        self.hosts(&["ssh"], &[name, command])
    }

    /// Runs a command on a server as root with standard input, which may be secret; answers its standard output.
    pub(crate) fn run_with_input(&self, name: &str, command: &str, input: &[u8]) -> String {
        let mut child = self
            .command(&["ssh"], &[name, command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        text(&child.wait_with_output().unwrap().stdout)
    }

    /// `scripts/hosts net NAME …`
    #[track_caller]
    pub(crate) fn net(&self, name: &str, words: &[&str]) {
        let output = self.hosts(&["net", name], words);
        assert!(output.status.success(), "net {name} {words:?}: {}", text(&output.stderr));
    }

    /// `scripts/hosts power NAME …`
    #[track_caller]
    pub(crate) fn power(&self, name: &str, word: &str) {
        let output = self.hosts(&["power", name], &[word]);
        assert!(output.status.success(), "power {name} {word}: {}", text(&output.stderr));
    }

    fn hosts(&self, words: &[&str], more: &[&str]) -> Output {
        self.command(words, more).output().unwrap()
    }

    fn command(&self, words: &[&str], more: &[&str]) -> Command {
        let mut command = Command::new(&self.script);
        command.args(words).args(more).stdin(Stdio::null());
        command
    }

    /// GET over a connection of its own; the body of an answer with status 200, or what came instead.
    pub(crate) fn get(&self, name: &str, path: &str) -> String {
        web::get(self.address(name), path, &[]).in_words()
    }

    /// Which version of the example app answers.
    pub(crate) fn version(&self, name: &str) -> String {
        self.get(name, "/version")
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::env::var_os("SHIP_KEEP_HOSTS").is_none() {
            let names: Vec<&str> = self.hosts.iter().map(|(name, _)| name.as_str()).collect();
            if !names.is_empty() {
                let _ = self.hosts(&["down"], &names);
            }
        }
    }
}

/// Waits until a condition holds; panics with `what` after a time that only a hung test needs.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < HUNG, "{what} did not come about within {} s", HUNG.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Bytes as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
