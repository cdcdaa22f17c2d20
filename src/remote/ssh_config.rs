//! What `~/.ssh/config` and `/etc/ssh/ssh_config` say of a host, so that an address in `ship.toml` means what it means
//! to `ssh`. Reading is a pure function of the files' text; what ship does not know it leaves to `ssh`, except
//! `ProxyCommand`, without which the host would be reached wrongly or not at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{self, DEFAULT_USER};

use super::pattern;
use super::ssh_words::{Told, expand, split_destination, split_line};

/// How deep files may include each other (OpenSSH's own limit).
const DEEPEST: usize = 16;

/// The files that hold a key to log in with, where the configuration names none. The kind that most people use comes
/// first, because a server counts the keys that it is offered.
const DEFAULT_IDENTITIES: &[&str] = &["~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"];

/// One file's text and where it came from.
#[derive(Debug, Clone)]
pub struct Source {
    /// For messages.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

/// Finds the files that an `Include` names: a path as it is written, `~` and wildcards and all, and the directory that
/// a relative one starts from.
pub type Include<'a> = &'a (dyn Fn(&str, &Path) -> Vec<Source> + Send + Sync);

/// The one who runs ship, as far as paths in the configuration need it.
#[derive(Debug, Clone)]
pub struct LocalUser {
    /// Login name.
    pub name: String,
    /// Home directory.
    pub home: PathBuf,
    /// `$SSH_AUTH_SOCK`.
    pub agent: Option<PathBuf>,
}

/// A line that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshConfigError {
    /// A keyword without a value, a quote without its end, a number that is none.
    #[error("{}:{line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The host is reached through a program.
    #[error("`{host}` is reached with ProxyCommand, which ship does not do")]
    ProxyCommand {
        /// The host as it was asked for.
        host: String,
    },
    /// Jump hosts that need each other.
    #[error("the jump hosts of `{host}` go round in a circle")]
    Circle {
        /// The host as it was asked for.
        host: String,
    },
}

impl crate::diagnostic::Hint for SshConfigError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::ProxyCommand { .. } => vec!["use ProxyJump in ~/.ssh/config instead of ProxyCommand".to_owned()],
            Self::Line { .. } | Self::Circle { .. } => Vec::new(),
        }
    }
}

/// What to do with a host key that nobody knows (`StrictHostKeyChecking`). A changed one is always refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Ask the person in front of the terminal.
    Ask,
    /// Refuse it.
    Refuse,
    /// Take it and remember it.
    Accept,
}

/// One server to log in to, with all that the configuration says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// As it was asked for.
    pub alias: String,
    /// Where to connect to: an IP address or a DNS name.
    pub address: String,
    /// The port.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// The name under which `known_hosts` has its key.
    pub key_name: String,
    /// The pinned fingerprint of `ship.toml`.
    pub fingerprint: Option<String>,
    /// Private keys to try, in this order.
    pub identity_files: Vec<PathBuf>,
    /// The identity files were named by the configuration: that one is missing is worth a word.
    pub identities_named: bool,
    /// Only these keys, even if the agent has others.
    pub identities_only: bool,
    /// The agent's socket.
    pub agent: Option<PathBuf>,
    /// Where host keys are remembered; new ones go into the first.
    pub known_hosts: Vec<PathBuf>,
    /// Host keys that the administrator of this machine gave.
    pub global_known_hosts: Vec<PathBuf>,
    /// New entries hide the host's name.
    pub hash_known_hosts: bool,
    /// What to do with a host key that nobody knows.
    pub unknown: Unknown,
    /// How long to wait for the connection.
    pub connect_timeout: Option<Duration>,
}

/// The files, and who reads them.
#[derive(Clone, Copy)]
pub struct SshConfig<'a> {
    /// The user's file and the system's, in this order: the first value wins.
    pub sources: &'a [Source],
    /// For `Include`.
    pub include: Include<'a>,
    /// For `~`, `%d` and `%u`.
    pub user: &'a LocalUser,
}

impl SshConfig<'_> {
    /// The servers to go through to a host of `ship.toml`, the host itself last. What `ship.toml` says wins.
    pub fn route(&self, host: &config::Host) -> Result<Vec<Target>, SshConfigError> {
        let told = Told { user: host.user.clone(), port: host.port };
        let mut route = self.hops(&host.address, told, 0)?;
        if let Some(last) = route.last_mut() {
            last.fingerprint.clone_from(&host.fingerprint);
        }
        Ok(route)
    }

    fn hops(&self, alias: &str, told: Told, depth: usize) -> Result<Vec<Target>, SshConfigError> {
        if depth > 8 {
            return Err(SshConfigError::Circle { host: alias.to_owned() });
        }
        let options = Options::read(self, alias)?;
        let jumps = options.one("proxyjump").filter(|jumps| !jumps.eq_ignore_ascii_case("none")).map(str::to_owned);
        let command = options.one("proxycommand").is_some_and(|command| !command.eq_ignore_ascii_case("none"));
        // Whichever of the two comes first wins; both in one file is a habit from before ProxyJump.
        if command && jumps.is_none() {
            return Err(SshConfigError::ProxyCommand { host: alias.to_owned() });
        }
        let mut route = Vec::new();
        for (index, jump) in jumps.iter().flat_map(|jumps| jumps.split(',')).enumerate() {
            let (name, told) = split_destination(jump.trim());
            // A jump host that follows another is reached through that one, whatever the file says of it alone.
            let mut hops = self.hops(&name, told, depth + 1)?;
            let from = if index == 0 { 0 } else { hops.len().saturating_sub(1) };
            route.extend(hops.drain(from..));
        }
        route.push(options.target(self.user, alias, told)?);
        Ok(route)
    }
}

/// The values that hold for one host, each keyword's first.
#[derive(Default)]
struct Options {
    values: BTreeMap<String, Value>,
    identity_files: Vec<String>,
}

struct Value {
    words: Vec<String>,
    path: PathBuf,
    line: usize,
}

impl Options {
    fn read(config: &SshConfig<'_>, alias: &str) -> Result<Self, SshConfigError> {
        let mut options = Self::default();
        for source in config.sources {
            options.read_file(config, source, alias, 0)?;
        }
        Ok(options)
    }

    fn read_file(
        &mut self,
        config: &SshConfig<'_>,
        source: &Source,
        alias: &str,
        depth: usize,
    ) -> Result<(), SshConfigError> {
        // A block's condition ends with its file, so an included file begins without one.
        let mut active = true;
        for (index, text) in source.text.lines().enumerate() {
            let line = index + 1;
            let wrong = |what: &str| SshConfigError::Line { path: source.path.clone(), line, what: what.to_owned() };
            let Some((keyword, words)) = split_line(text).map_err(wrong)? else { continue };
            match keyword.as_str() {
                "host" => active = pattern::list_matches(words.iter().map(String::as_str), alias),
                "match" => active = self.match_holds(config.user, &words, alias),
                _ if !active => {}
                "include" if depth < DEEPEST => {
                    let start = source.path.parent().unwrap_or(Path::new("/"));
                    for file in words.iter().flat_map(|word| (config.include)(word, start)) {
                        self.read_file(config, &file, alias, depth + 1)?;
                    }
                }
                "identityfile" => self.identity_files.extend(words),
                _ => {
                    self.values.entry(keyword).or_insert(Value { words, path: source.path.clone(), line });
                }
            }
        }
        Ok(())
    }

    /// `Match` with conditions that need no program and no second pass; a block with any other is left out.
    fn match_holds(&self, user: &LocalUser, words: &[String], alias: &str) -> bool {
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let (negated, condition) = match word.strip_prefix('!') {
                Some(condition) => (true, condition),
                None => (false, word.as_str()),
            };
            let subject = match condition.to_ascii_lowercase().as_str() {
                "all" => None,
                "host" => Some(self.one("hostname").unwrap_or(alias)),
                "originalhost" => Some(alias),
                "localuser" => Some(user.name.as_str()),
                "user" => Some(self.one("user").unwrap_or(DEFAULT_USER)),
                _ => return false,
            };
            let holds = match (subject, subject.and_then(|_| rest.next())) {
                (None, _) => true,
                (Some(subject), Some(patterns)) => pattern::list_matches(patterns.split(','), subject),
                (Some(_), None) => false,
            };
            if holds == negated {
                return false;
            }
        }
        true
    }

    fn one(&self, keyword: &str) -> Option<&str> {
        self.values.get(keyword).and_then(|value| value.words.first()).map(String::as_str)
    }

    fn is_yes(&self, keyword: &str) -> bool {
        self.one(keyword).is_some_and(|value| value.eq_ignore_ascii_case("yes") || value.eq_ignore_ascii_case("true"))
    }

    fn number<T: std::str::FromStr>(&self, keyword: &str) -> Result<Option<T>, SshConfigError> {
        let Some(value) = self.values.get(keyword) else { return Ok(None) };
        let text = value.words.first().map(String::as_str).unwrap_or_default();
        text.parse().map(Some).map_err(|_| SshConfigError::Line {
            path: value.path.clone(),
            line: value.line,
            what: format!("`{text}` is not a number that {keyword} can have"),
        })
    }

    fn target(&self, local: &LocalUser, alias: &str, told: Told) -> Result<Target, SshConfigError> {
        let address = match self.one("hostname") {
            Some(name) => name.replace("%h", alias).replace("%%", "%"),
            None => alias.to_owned(),
        };
        let user = told.user.or_else(|| self.one("user").map(str::to_owned)).unwrap_or_else(|| DEFAULT_USER.to_owned());
        let expand = |text: &String| expand(text, local, &address, &user);
        let paths = |keyword: &str, default: &[&str]| -> Vec<PathBuf> {
            let default = || default.iter().map(|&path| path.to_owned()).collect();
            let words = self.values.get(keyword).map_or_else(default, |value| value.words.clone());
            words.iter().filter(|word| !word.eq_ignore_ascii_case("none")).map(expand).collect()
        };
        let identities_named = !self.identity_files.is_empty();
        let identities = if identities_named {
            self.identity_files.clone()
        } else {
            DEFAULT_IDENTITIES.iter().map(|&path| path.to_owned()).collect()
        };
        let agent = match self.one("identityagent") {
            Some(none) if none.eq_ignore_ascii_case("none") => None,
            Some("SSH_AUTH_SOCK" | "$SSH_AUTH_SOCK") | None => local.agent.clone(),
            Some(path) => Some(expand(&path.to_owned())),
        };
        let unknown = match self.one("stricthostkeychecking").map(str::to_ascii_lowercase).as_deref() {
            Some("yes" | "true") => Unknown::Refuse,
            Some("no" | "off" | "false" | "accept-new") => Unknown::Accept,
            _ => Unknown::Ask,
        };
        Ok(Target {
            alias: alias.to_owned(),
            port: told.port.map_or_else(|| self.number("port"), |port| Ok(Some(port)))?.unwrap_or(22),
            key_name: self.one("hostkeyalias").unwrap_or(&address).to_lowercase(),
            fingerprint: None,
            identity_files: identities.iter().filter(|path| !path.eq_ignore_ascii_case("none")).map(expand).collect(),
            identities_named,
            identities_only: self.is_yes("identitiesonly"),
            agent,
            known_hosts: paths("userknownhostsfile", &["~/.ssh/known_hosts", "~/.ssh/known_hosts2"]),
            global_known_hosts: paths(
                "globalknownhostsfile",
                &["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
            ),
            hash_known_hosts: self.is_yes("hashknownhosts"),
            unknown,
            connect_timeout: self.number("connecttimeout")?.map(Duration::from_secs),
            address: address.clone(),
            user: user.clone(),
        })
    }
}

impl std::fmt::Display for Target {
    /// `web-1 (203.0.113.7)`, with the port if it is not 22.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let port = if self.port == 22 { String::new() } else { format!(":{}", self.port) };
        let address = if self.address.contains(':') && !port.is_empty() {
            format!("[{}]", self.address)
        } else {
            self.address.clone()
        };
        if self.alias == self.address {
            write!(f, "{address}{port}")
        } else {
            write!(f, "{} ({address}{port})", self.alias)
        }
    }
}
