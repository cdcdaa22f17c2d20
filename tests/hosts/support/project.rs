//! A user's directory with a `ship.toml`, a home of its own, and `ship` in it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use super::{Bench, text};

/// A directory to deploy from.
pub struct Project {
    directory: tempfile::TempDir,
    home: PathBuf,
}

/// What a run of ship came to.
#[derive(Debug)]
#[must_use = "look at the exit code or the output"]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    fn from(output: &Output) -> Self {
        Self { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Panics unless the exit code is as expected.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Panics unless it succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Panics unless standard error has this text.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "`{words}` is not in:\n{}", self.stderr);
        self
    }
}

impl Project {
    /// A directory whose user reaches these servers by their names, as root unless `ship.toml` names a user.
    pub fn new(bench: &Bench, servers: &[&str], toml: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        fs::create_dir_all(home.join(".ssh")).unwrap();
        fs::create_dir_all(directory.path().join("app")).unwrap();
        // Without the line that names the user, so that ship.toml decides.
        let config: String = servers
            .iter()
            .map(|server| fs::read_to_string(bench.ssh_config(server)).unwrap())
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .filter(|line| !line.trim_start().starts_with("User "))
            .fold(String::new(), |all, line| all + &line + "\n");
        fs::write(home.join(".ssh/config"), config).unwrap();
        let project = Self { directory, home };
        project.write("ship.toml", toml);
        project
    }

    /// The directory with `ship.toml`.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("app")
    }

    /// Writes a file into it.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    /// ship with arguments, in the directory, with nothing of the developer's own environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ship"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("USER", "ana")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs ship to its end.
    pub fn ship(&self, arguments: &[&str]) -> Ran {
        Ran::from(&self.command(arguments).output().unwrap())
    }

    /// Runs ship to its end with bytes on its standard input; answers standard output as bytes.
    pub fn ship_with_input(&self, arguments: &[&str], input: &[u8]) -> (Ran, Vec<u8>) {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            // The command may end before it has read everything.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        (Ran::from(&output), output.stdout)
    }

    /// Starts ship and goes on.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// `ship.toml`
    pub fn toml(&self) -> PathBuf {
        self.path().join("ship.toml")
    }

    /// Replaces text in `ship.toml`.
    #[track_caller]
    pub fn edit(&self, from: &str, to: &str) {
        let path: &Path = &self.toml();
        let before = fs::read_to_string(path).unwrap();
        assert!(before.contains(from), "`{from}` is not in {before}");
        fs::write(path, before.replace(from, to)).unwrap();
    }
}
