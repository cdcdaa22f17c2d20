//! The programs that setup runs on a server: one for the look, one for each step. They are POSIX shell for the `sh` of
//! any Debian or Ubuntu, sent as an argument of `sh -c`, with their own arguments beside them. Keys, settings and images
//! go through standard input, and none of them is secret.

use crate::control::STATUS_PATH;
use crate::plan::setup::{AccountName, Apply, Packages, PublicKey, SetupStep};

const AS_ROOT: &str = include_str!("scripts/as-root.sh");

macro_rules! scripts {
    ($($name:literal),+) => { concat!($(include_str!(concat!("scripts/", $name, ".sh"))),+) };
}

/// A program with its arguments, and what it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The argument vector, program first.
    pub arguments: Vec<String>,
    /// Its standard input.
    pub input: Vec<u8>,
}

impl Program {
    fn new(script: &str, arguments: &[&str]) -> Self {
        let fixed = ["sh", "-c", AS_ROOT, "ship-setup", "sh", "-c", script, "ship-setup"];
        Self { arguments: fixed.iter().chain(arguments).map(|&text| text.to_owned()).collect(), input: Vec::new() }
    }

    fn reading(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }
}

/// Looks at everything.
pub(super) fn look(user: &AccountName) -> Program {
    Program::new(scripts!("apt-lock", "socket", "facts"), &[user.as_str(), STATUS_PATH])
}

/// Does a step.
pub(super) fn step(step: &SetupStep) -> Program {
    match step {
        SetupStep::DockerSettings { text, apply, .. } => {
            Program::new(scripts!("settings"), &[apply_word(*apply)]).reading(text.as_bytes())
        }
        SetupStep::Install { what, with_apparmor, .. } => {
            let what = match what {
                Packages::Engine => "engine",
                Packages::Client => "client",
            };
            Program::new(scripts!("apt-lock", "install"), &[what, if *with_apparmor { "yes" } else { "no" }])
        }
        SetupStep::StartDocker => Program::new(scripts!("start-docker"), &[]),
        SetupStep::CreateUser { user } => Program::new(scripts!("create-user"), &[user.as_str()]),
        SetupStep::CreateProxyUser => {
            Program::new(scripts!("create-user"), &[crate::plan::setup::PROXY_ACCOUNT, "system"])
        }
        SetupStep::AllowDocker { user } => Program::new(scripts!("allow-docker"), &[user.as_str()]),
        SetupStep::AllowKeys { user, keys } => {
            Program::new(scripts!("allow-keys"), &[user.as_str()]).reading(key_lines(keys))
        }
        SetupStep::Directories { user, proxy } => Program::new(scripts!("directories"), &[user.as_str(), proxy]),
        SetupStep::LoadProxy { proxy } => {
            Program::new(scripts!("load-proxy"), &[&proxy.reference]).reading(proxy.archive.bytes())
        }
        SetupStep::RunProxy { proxy, account, .. } => {
            let (made, arguments) = (proxy.made(account), proxy.arguments());
            let before = [account.as_str(), &made, STATUS_PATH];
            let all: Vec<_> = before.into_iter().chain(arguments.iter().map(String::as_str)).collect();
            Program::new(scripts!("socket", "run-proxy"), &all)
        }
    }
}

fn apply_word(apply: Apply) -> &'static str {
    match apply {
        Apply::AtStart => "at-start",
        Apply::Reload => "reload",
        Apply::Restart => "restart",
        Apply::ReloadThenRestart => "reload-then-restart",
        Apply::NotNow => "not-now",
    }
}

fn key_lines(keys: &[PublicKey]) -> String {
    keys.iter().map(|key| format!("{key}\n")).collect::<Vec<_>>().concat()
}
