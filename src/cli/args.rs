//! The command line, as clap types. The doc comments are the help; nothing here decides anything.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::name::{EnvironmentName, HostName, ReleaseNumber, RoleName};

/// The first page: what ship is and the commands that matter first. It fits one screen.
const FIRST_PAGE: &str = "\
ship deploys containers to your own servers: over SSH, without a registry, without an agent.

Usage: ship [OPTIONS] COMMAND

Begin with
  init       Write a ship.toml for the project in this directory
  setup      Make fresh servers ready: Docker, a deploy user, ship-proxy
  deploy     Build, send what the hosts lack, boot beside the old, switch when healthy
  rollback   Put the previous release back, with the environment that it ran with
  status     What was meant and what is, on each host

Look                                    Change
  plan       What a deploy would do       exec         Run a command in production
  releases   What was deployed when       console      Open the app's console
  logs       What the app says            remove       Take the app off its hosts
  audit      Who ran what with exec       completions  For your shell
  config     What ship.toml means

Options
  -e, --environment NAME   An environment of ship.toml [default: production]
  -c, --config FILE        [default: ship.toml here or in a directory above]
      --host NAME          Only this host (may be given several times)
      --json               For programs: JSON on standard output
  -v, --verbose            Say more: each step, each connection
  -h, --help               This page; `ship COMMAND --help` for a command with examples
  -V, --version            The version

Exit codes: 0 done, 2 usage or ship.toml, 3 failed and nothing changed, 4 failed and the old
release serves, 5 hosts disagree, 130 interrupted.";

/// Deploys containers to servers that you own.
#[derive(Debug, Parser)]
#[command(name = "ship", version, override_help = FIRST_PAGE, disable_help_subcommand = true, max_term_width = 100)]
pub struct Arguments {
    /// What holds for every command.
    #[command(flatten)]
    pub common: Common,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// An environment of ship.toml
    #[arg(short, long, global = true, value_name = "NAME")]
    pub environment: Option<EnvironmentName>,
    /// The configuration; without it ship.toml here or in a directory above
    #[arg(short, long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Only this host (may be given several times)
    #[arg(long = "host", global = true, value_name = "NAME")]
    pub hosts: Vec<HostName>,
    /// JSON on standard output, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more: each step, each connection
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a ship.toml for the project in this directory
    ///
    /// Looks at the Dockerfile and at the framework's files (Rails, Django, Node, Go, Rust) and writes a small,
    /// commented ship.toml. It never overwrites one.
    #[command(after_help = "Examples:\n  ship init\n  ship init --app blog --address 203.0.113.7")]
    Init(Init),
    /// Make fresh servers ready: Docker, a deploy user, ship-proxy
    ///
    /// Shows what is missing on each host, asks, and does it. A second run changes nothing. Debian and Ubuntu.
    #[command(after_help = "Examples:\n  ship setup\n  ship setup --as root --host web-2\n  ship setup --plan")]
    Setup(Setup),
    /// Build, send what the hosts lack, boot beside the old release, switch when healthy
    ///
    /// The working tree is what is built. Requests go to the new release only after its health check passed, and the
    /// old one finishes what it has begun. If anything fails, the old release goes on serving.
    #[command(
        after_help = "Examples:\n  ship deploy\n  ship -e staging deploy\n  ship deploy --image blog:test\n  ship deploy --timings"
    )]
    Deploy(Deploy),
    /// Put the previous release back, with the environment that it ran with
    ///
    /// Works from what the hosts remember: the image, command, environment, secrets and routes of that release. It
    /// needs nothing of ship.toml but the hosts.
    #[command(after_help = "Examples:\n  ship rollback\n  ship rollback r41")]
    Rollback(Rollback),
    /// What was meant and what is, on each host
    ///
    /// Ends with 0 only if both agree and everything is healthy.
    #[command(after_help = "Examples:\n  ship status\n  ship status --json | jq .agrees")]
    Status,
    /// What a deploy would do, without doing it
    #[command(after_help = "Examples:\n  ship plan\n  ship -e staging plan --image blog:test")]
    Plan(Image),
    /// What was deployed when, by whom, and what became of it
    #[command(after_help = "Examples:\n  ship releases\n  ship releases --json")]
    Releases,
    /// What the app says, from all hosts in the order of time
    ///
    /// Of a failed or retired release too, as long as its containers exist.
    #[command(
        after_help = "Examples:\n  ship logs -f\n  ship logs --since 10m --grep ERROR\n  ship logs --release r43 --role web --tail 200"
    )]
    Logs(Logs),
    /// Run a command in a container of the live release
    ///
    /// With a terminal it is a real one; without, standard input, output and error are separate and binary-safe. The
    /// exit code is the command's. Each use is recorded on the host: see `ship audit`.
    #[command(
        after_help = "Examples:\n  ship exec -- bin/rails console\n  ship exec --new -- bin/rails db:migrate:status\n  ship exec --role worker --host web-2 -- cat /etc/os-release\n  pg_dump db | ship exec -- sh -c 'cat > /data/dump'"
    )]
    Exec(Exec),
    /// Open the app's console: `console.command` of ship.toml
    #[command(after_help = "Example:\n  ship console")]
    Console(Place),
    /// Who ran what with exec and console
    #[command(after_help = "Examples:\n  ship audit\n  ship audit --json")]
    Audit,
    /// What ship.toml means, every default filled in, secrets hidden
    #[command(after_help = "Examples:\n  ship config\n  ship -e staging config --json")]
    Config,
    /// Take the app off its hosts; other apps and environments stay
    ///
    /// Volumes stay unless --volumes is given.
    #[command(after_help = "Examples:\n  ship -e staging remove\n  ship -e staging remove --volumes")]
    Remove(Remove),
    /// Print a completion script for your shell
    #[command(after_help = "Example:\n  ship completions bash > ~/.local/share/bash-completion/completions/ship")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// `ship init`
#[derive(Debug, Args)]
pub struct Init {
    /// The app's name; without it the directory's
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// The first server's address
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<String>,
}

/// `ship setup`
#[derive(Debug, Args)]
pub struct Setup {
    /// Log in as this user, who is root or has sudo without a password [default: root, or what ~/.ssh/config says]
    #[arg(long = "as", value_name = "USER")]
    pub login: Option<String>,
    /// Show what would be done and stop
    #[arg(long)]
    pub plan: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// Which image.
#[derive(Debug, Clone, Args)]
pub struct Image {
    /// An image that exists locally, instead of building one
    #[arg(long, value_name = "REF")]
    pub image: Option<String>,
}

/// `ship deploy`
#[derive(Debug, Args)]
pub struct Deploy {
    /// Which image.
    #[command(flatten)]
    pub image: Image,
    /// Print each step's time and the number of sequential round trips
    #[arg(long)]
    pub timings: bool,
}

/// `ship rollback`
#[derive(Debug, Args)]
pub struct Rollback {
    /// The release to put back; without it the one that was live before
    pub release: Option<ReleaseNumber>,
    /// Print each step's time and the number of sequential round trips
    #[arg(long)]
    pub timings: bool,
}

/// `ship logs`
#[derive(Debug, Args)]
pub struct Logs {
    /// Go on with what is said from now on
    #[arg(short, long)]
    pub follow: bool,
    /// Only what is newer: 10m, 2h, or a time like 2026-11-21T10:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// The last lines of each container [default: 100, all with --since]
    #[arg(long, value_name = "N")]
    pub tail: Option<u32>,
    /// Only this role
    #[arg(long, value_name = "ROLE")]
    pub role: Option<RoleName>,
    /// This release instead of the live one
    #[arg(long, value_name = "RELEASE")]
    pub release: Option<ReleaseNumber>,
    /// Only lines with this text
    #[arg(long, value_name = "TEXT")]
    pub grep: Option<String>,
}

/// Which container.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// The role [default: the one that takes requests]
    #[arg(long, value_name = "ROLE")]
    pub role: Option<RoleName>,
    /// The replica, from 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub replica: u16,
    /// A fresh container with the same environment and volumes, removed afterwards
    #[arg(long)]
    pub new: bool,
}

/// `ship exec`
#[derive(Debug, Args)]
pub struct Exec {
    /// Which container.
    #[command(flatten)]
    pub place: Place,
    /// The command with its arguments, after `--`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `ship remove`
#[derive(Debug, Args)]
pub struct Remove {
    /// Remove the app's named volumes with all their data as well
    #[arg(long)]
    pub volumes: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// The completion script for a shell.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut <Arguments as clap::CommandFactory>::command(), "ship", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
