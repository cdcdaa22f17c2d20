//! The programs that ship runs on a host: all of them, in one list. Each is an argument vector; there is one function
//! that turns it into the command line that SSH wants. A secret is never an argument, because everybody on the host can
//! read the arguments of everybody's processes: secrets go through stdin.

/// Ship's directory on every host.
pub const ROOT: &str = "/var/lib/ship";

/// After this many seconds without a word from its holder a lease is over.
pub(super) const LEASE_SILENCE: u64 = 15;

/// An audit log is put aside when it has this many bytes.
const AUDIT_LIMIT: u64 = 1_000_000;

const OWNER: &str = include_str!("scripts/owner.sh");
const LEASE: &str = include_str!("scripts/lease.sh");
const STATE: &str = include_str!("scripts/state.sh");
const READ: &str = include_str!("scripts/read.sh");
const AUDIT: &str = include_str!("scripts/audit.sh");
const RELAY: &str = include_str!("scripts/relay.sh");
const RELAY_PERL: &str = include_str!("scripts/relay.pl");

/// A program to run on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Does nothing: see [`super::session::Session`].
    Nothing,
    /// Holds an app's lease and writes its directory.
    Lease {
        /// Ship's directory.
        root: String,
        /// App and environment, `blog-production`.
        scope: String,
    },
    /// Prints what a host remembers of an app.
    State {
        /// Ship's directory.
        root: String,
        /// App and environment.
        scope: String,
    },
    /// Prints files.
    Read {
        /// Ship's directory, whose owner reads.
        root: String,
        /// Absolute paths.
        paths: Vec<String>,
    },
    /// Appends a line to an app's audit log.
    Audit {
        /// Ship's directory.
        root: String,
        /// App and environment.
        scope: String,
    },
    /// Relays to the engine's socket where SSH may not.
    RelayToDocker {
        /// The socket.
        socket: String,
    },
    /// Relays to any other socket where SSH may not. Perl is on every Debian and Ubuntu.
    RelayTo {
        /// The socket.
        socket: String,
    },
    /// Prints what listens in the network of a process: `/proc/<pid>/net/tcp` and `tcp6`.
    SocketTables {
        /// The process.
        pid: u32,
    },
    /// One of setup's programs, whole (`server/script.rs` has the list).
    Setup {
        /// The program and its arguments.
        arguments: Vec<String>,
    },
}

impl Command {
    /// What it is, for messages.
    pub fn words(&self) -> String {
        match self {
            Self::Nothing => "run a program".to_owned(),
            Self::Lease { scope, .. } => format!("take the lease of {scope}"),
            Self::State { scope, .. } => format!("read what is remembered of {scope}"),
            Self::Read { paths, .. } => format!("read {}", paths.join(", ")),
            Self::Audit { scope, .. } => format!("write the audit log of {scope}"),
            Self::RelayToDocker { socket } | Self::RelayTo { socket } => format!("relay to {socket}"),
            Self::SocketTables { pid } => format!("see where process {pid} listens"),
            Self::Setup { .. } => "set the host up".to_owned(),
        }
    }

    /// The arguments, the program first.
    pub fn argv(&self) -> Vec<String> {
        match self {
            Self::Nothing => vector(&["true"], &[]),
            Self::Lease { root, scope } => bash("ship-lease", LEASE, &[root, scope, &LEASE_SILENCE.to_string()]),
            Self::State { root, scope } => bash("ship-state", STATE, &[root, scope]),
            Self::Read { root, paths } => {
                let arguments: Vec<&str> = [root].into_iter().chain(paths).map(String::as_str).collect();
                bash("ship-read", READ, &arguments)
            }
            Self::Audit { root, scope } => bash("ship-audit", AUDIT, &[root, scope, &AUDIT_LIMIT.to_string()]),
            Self::RelayToDocker { socket } => sh("ship-relay", RELAY, &[socket, "docker", "system", "dial-stdio"]),
            Self::RelayTo { socket } => sh("ship-relay", RELAY, &[socket, "perl", "-e", RELAY_PERL, socket]),
            Self::SocketTables { pid } => {
                vector(&["cat"], &[&format!("/proc/{pid}/net/tcp"), &format!("/proc/{pid}/net/tcp6")])
            }
            Self::Setup { arguments } => arguments.clone(),
        }
    }

    /// The command line, for the login shell of whoever is logged in.
    pub fn line(&self) -> String {
        let words: Vec<String> = self.argv().iter().map(|word| quote(word)).collect();
        words.join(" ")
    }
}

fn bash(name: &str, script: &str, arguments: &[&str]) -> Vec<String> {
    vector(&["bash", "-c", &format!("{OWNER}\n{script}"), name], arguments)
}

fn sh(name: &str, script: &str, arguments: &[&str]) -> Vec<String> {
    vector(&["sh", "-c", script, name], arguments)
}

fn vector(head: &[&str], tail: &[&str]) -> Vec<String> {
    head.iter().chain(tail).map(|&word| word.to_owned()).collect()
}

/// One word for a POSIX shell, whatever is in it but NUL, which no argument can have.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
