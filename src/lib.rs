//! ship deploys containers to servers that you own: one static binary, over SSH, without a registry and without an
//! agent. This page is the map: the modules in reading order, each with what it is and what it must never be. Each may
//! use only what stands above it; `tests/tidy.rs` holds the exact table and fails on anything else.
//!
//! Words that both ends share:
//!
//! - [`name`]: names that are checked once, where they enter, and are legal as path, label and DNS name from then on.
//! - [`diagnostic`]: how a failure reaches the user: what, why, in what state the hosts are, what to type next.
//! - [`control`]: what ship and ship-proxy say to each other. Wire types and nothing else.
//!
//! Pure decisions. No clock, no network, no file, no randomness: two runs give the same text.
//!
//! - [`release`]: what is deployed, the ledger's format, and the one table of states that both writing and reading use.
//! - [`config`]: `ship.toml` to a `Project` in which nothing is left to decide, or everything that is wrong with it.
//! - [`inventory`]: what is on a host, as observed. Never what was meant.
//! - [`plan`]: what will be done, as data, with every undo. It leaves no choice to whoever carries it out.
//! - [`event`]: what apply tells the world. The only bridge to the screen.
//!
//! Effects, on traits alone.
//!
//! - [`ports`]: what the effects need of the outside world, as traits.
//! - [`observe`]: looks at all hosts at once.
//! - [`apply`]: does what a plan says and undoes it on failure. It cannot print, and it does not know that SSH exists.
//!
//! Edges. They implement the ports and decide nothing.
//!
//! - [`remote`]: hosts: SSH, the Docker Engine API, ship-proxy's control API, the archive. `russh` and `bollard` stay here.
//! - [`local`]: this machine: `docker build`, git, secrets, the clock. The only place that starts programs.
//!
//! Surfaces.
//!
//! - [`ui`]: the screen: a fold of events into a view, which bars, lines and JSON only draw. It cannot act.
//! - [`cli`]: the commands, one file each. They run on fakes as well as on hosts; `main` alone joins them to the edges.
//! - [`proxy`]: ship-proxy. It knows nothing of SSH, Docker or `ship.toml`.

pub mod name;
pub mod diagnostic;
pub mod control;
pub mod release;
pub mod config;
pub mod inventory;
pub mod plan;
pub mod event;
pub mod ports;
pub mod observe;
pub mod apply;
pub mod remote;
pub mod local;
pub mod ui;
pub mod cli;
pub mod proxy;
