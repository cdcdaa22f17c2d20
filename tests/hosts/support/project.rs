//! A user's directory with a `ship.toml`, a home of its own, and `ship` in it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::Bench;
use super::running::{Ran, Running};

/// The ship under test: the release build that `scripts/test` made, else the one that cargo built with this test.
fn ship() -> PathBuf {
    let built = std::env::var_os("SHIP_TEST_BINARIES").map(|directory| PathBuf::from(directory).join("ship"));
    built.unwrap_or_else(|| env!("CARGO_BIN_EXE_ship").into())
}

/// A directory to deploy from.
pub(crate) struct Project {
    directory: tempfile::TempDir,
    home: PathBuf,
}

/// A `ship.toml` for an app on these hosts, whose names are those of the servers, with more tables. Drains are short: the
/// longest request of the lane takes two seconds.
pub(crate) fn toml(app: &str, hosts: &[&str], more: &str) -> String {
    let hosts = hosts.iter().fold(String::new(), |all, host| all + "[hosts." + host + "]\n");
    let proxy = if more.contains("[proxy]") { "" } else { "[proxy]\ndrain = \"3s\"\n" };
    format!("app = \"{app}\"\n{hosts}{proxy}{more}")
}

impl Project {
    /// A directory whose user reaches these servers by their names, as root unless `ship.toml` names a user.
    pub(crate) fn new(bench: &Bench, servers: &[&str], toml: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        fs::create_dir_all(home.join(".ssh")).unwrap();
        fs::create_dir_all(directory.path().join("app")).unwrap();
        let project = Self { directory, home };
        project.reaches(bench, servers);
        project.write("ship.toml", toml);
        project
    }

    /// The same with servers that are set up.
    #[track_caller]
    pub(crate) fn ready(bench: &Bench, servers: &[&str], toml: &str) -> Self {
        let project = Self::new(bench, servers, toml);
        project.ship(&["setup", "--yes"]).ok();
        project
    }

    /// Writes `~/.ssh/config`, without the lines that name a user, so that `ship.toml` decides.
    fn reaches(&self, bench: &Bench, servers: &[&str]) {
        let mut config = String::new();
        for server in servers {
            let text = fs::read_to_string(bench.ssh_config(server)).unwrap();
            for line in text.lines().filter(|line| !line.trim_start().starts_with("User ")) {
                config.push_str(line);
                config.push('\n');
            }
        }
        fs::write(self.home.join(".ssh/config"), config).unwrap();
    }

    /// The directory with `ship.toml`.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("app")
    }

    /// Writes a file into it.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    /// Replaces text in `ship.toml`.
    #[track_caller]
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let before = fs::read_to_string(self.path().join("ship.toml")).unwrap();
        assert!(before.contains(from), "`{from}` is not in {before}");
        self.write("ship.toml", &before.replace(from, to));
    }

    /// ship with arguments, in the directory, with nothing of the developer's own environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(ship());
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("USER", "ana");
        command
    }

    /// Starts ship and goes on.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&mut self.command(arguments), None)
    }

    /// Runs ship to its end.
    #[must_use = "look at the exit code"]
    #[track_caller]
    pub(crate) fn ship(&self, arguments: &[&str]) -> Ran {
        self.start(arguments).end()
    }

    /// Runs ship to its end with bytes on its standard input.
    #[must_use = "look at the exit code"]
    #[track_caller]
    pub(crate) fn ship_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        Running::start(&mut self.command(arguments), Some(input.to_vec())).end()
    }

    /// Deploys an image, which must succeed.
    #[track_caller]
    pub(crate) fn deploys(&self, image: &str) {
        self.ship(&["deploy", "--image", image]).ok();
    }

    /// The release that the first line of `ship releases` is about, with its state: `r2 live`.
    #[track_caller]
    pub(crate) fn newest_release(&self) -> String {
        let releases = self.ship(&["releases", "--json"]).ok().json();
        let newest = &releases["releases"][0];
        format!("{} {}", newest["release"].as_str().unwrap(), newest["state"].as_str().unwrap())
    }
}
