//! Throwaway servers and projects for the slow lane. Everything goes through the real binaries and `scripts/hosts`, as
//! a user would.

pub mod load;
pub mod project;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

pub use project::{Project, Ran};

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Servers that are gone when the test is over, whatever its end.
pub struct Bench {
    names: Vec<String>,
}

impl Bench {
    /// Starts servers. Names are unique in the slow lane, because its tests run side by side.
    #[track_caller]
    pub fn up(names: &[&str], options: &[&str]) -> Self {
        let bench = Self { names: names.iter().map(|name| (*name).to_owned()).collect() };
        // What an earlier run left over.
        let _ = scripts_hosts(&["down"], names);
        let output = scripts_hosts(&[&["up"], options].concat(), names);
        assert!(output.status.success(), "scripts/hosts up {names:?}: {}", text(&output.stderr));
        bench
    }

    /// The address of a server.
    pub fn address(&self, name: &str) -> String {
        text(&scripts_hosts(&["address"], &[name]).stdout).trim().to_owned()
    }

    /// The path of an SSH configuration that reaches a server as root.
    pub fn ssh_config(&self, name: &str) -> PathBuf {
        text(&scripts_hosts(&["ssh-config"], &[name]).stdout).trim().into()
    }

    /// Runs a command on a server as root, which must succeed; answers its standard output.
    #[track_caller]
    pub fn run(&self, name: &str, command: &str) -> String {
        let output = self.try_run(name, command);
        assert!(output.status.success(), "{command} on {name}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Runs a command on a server as root.
    pub fn try_run(&self, name: &str, command: &str) -> Output {
        scripts_hosts(&["ssh"], &[name, command])
    }

    /// `scripts/hosts net NAME …`
    #[track_caller]
    pub fn net(&self, name: &str, words: &[&str]) {
        let output = scripts_hosts(&["net", name], words);
        assert!(output.status.success(), "net {name} {words:?}: {}", text(&output.stderr));
    }

    /// `scripts/hosts power NAME …`
    #[track_caller]
    pub fn power(&self, name: &str, word: &str) {
        let output = scripts_hosts(&["power", name], &[word]);
        assert!(output.status.success(), "power {name} {word}: {}", text(&output.stderr));
    }

    /// GET over a connection of its own; status and body, or why there is none.
    pub fn get(&self, name: &str, path: &str) -> Result<(u16, String), String> {
        get(&self.address(name), path, &[])
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::env::var_os("SHIP_KEEP_HOSTS").is_none() {
            let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
            let _ = scripts_hosts(&["down"], &names);
        }
    }
}

fn scripts_hosts(words: &[&str], more: &[&str]) -> Output {
    Command::new(root().join("scripts/hosts")).args(words).args(more).stdin(Stdio::null()).output().unwrap()
}

/// GET with headers, through curl: an HTTP client that is not ours.
pub fn get(address: &str, path: &str, headers: &[&str]) -> Result<(u16, String), String> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--max-time", "10", "--write-out", "\n%{http_code}"]);
    for header in headers {
        curl.args(["--header", header]);
    }
    let output = curl.arg(format!("http://{address}{path}")).output().unwrap();
    if !output.status.success() {
        return Err(text(&output.stderr));
    }
    let all = text(&output.stdout);
    let (body, status) = all.rsplit_once('\n').unwrap();
    Ok((status.parse().unwrap(), body.to_owned()))
}

/// Waits until a condition holds; panics with `what` after a time that only a hung test needs.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not come about within 60 s");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
