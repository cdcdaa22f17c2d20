//! ship-proxy: what stands between users and the apps, all day. docs/proxy.md says how a request flows and what it may
//! rely on.
//!
//! Reading order: [`serve`] here; `connection` → `forward` → `send` is a request's way; `registry` → `book` →
//! `service` is a change's way; `target` is where the two meet.
//!
//! Invariants: requests take no lock that a change holds. Traffic moves only to what was proven healthy
//! (`health::Healthy`). A change is on disk before it is seen. Nothing here knows of SSH, Docker or `ship.toml`.

mod access_log;
mod answer;
mod book;
mod clock;
mod connection;
mod control;
mod deployment;
mod drain;
mod forward;
mod headers;
mod health;
mod host;
pub mod listener;
mod outgoing;
mod pool;
mod registry;
mod request_id;
mod rescue;
mod route;
mod send;
mod service;
mod state;
mod target;
mod tls;
mod upgrade;
mod websocket;

use std::future::Future;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use access_log::AccessLog;
use connection::{Phase, Shared};
use forward::Front;
use registry::Registry;
use request_id::RequestIds;
use state::StateFile;

use crate::control::ListenerStatus;

/// What ship-proxy is started with.
pub struct Config {
    /// Where its state is; it exists.
    pub state: PathBuf,
    /// Where the access log goes.
    pub log: Box<dyn Write + Send>,
    /// How long clients' idle connections are still read after the end has begun: a request may be on its way.
    pub grace: Duration,
    /// How long requests in flight may go on after that.
    pub drain: Duration,
}

/// The sockets that it serves, made by [`listener`] or handed over.
pub struct Listeners {
    /// Plain HTTP.
    pub http: Vec<TcpListener>,
    /// TLS.
    pub https: Vec<TcpListener>,
    /// The control API.
    pub control: UnixListener,
}

/// Why ship-proxy could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// TLS cannot be set up.
    #[error("set up TLS")]
    Tls(#[source] rustls::Error),
    /// The thread that writes the access log cannot be started.
    #[error("start the access log")]
    Log(#[source] io::Error),
}

/// Serves until `shutdown`, then ends without dropping a request that can still be answered.
pub async fn serve(config: Config, listeners: Listeners, shutdown: impl Future) -> Result<(), ServeError> {
    let Config { state, log, grace, drain } = config;
    let log = AccessLog::start(log).map_err(ServeError::Log)?;
    let registry = Registry::restore(StateFile::in_directory(&state), describe(&listeners)).await;
    let tls = TlsAcceptor::from(tls::server_config(&registry.table).map_err(ServeError::Tls)?);
    let https_port = listeners.https.first().and_then(|listener| listener.local_addr().ok()).map(|a| a.port());
    let front = Front { table: Arc::clone(&registry.table), log: Arc::clone(&log), ids: RequestIds::new(), https_port };
    let (phase, phases) = watch::channel(Phase::Serving);
    let (alive, mut all_ended) = mpsc::channel(1);
    let shared = Shared { front: Arc::new(front), phase: phases, alive };
    let control = tokio::spawn(control::serve(listeners.control, Arc::clone(&registry)));
    for listener in listeners.http {
        tokio::spawn(connection::accept(listener, None, shared.clone()));
    }
    for listener in listeners.https {
        tokio::spawn(connection::accept(listener, Some(tls.clone()), shared.clone()));
    }
    drop(shared);

    shutdown.await;
    notice("stopping");
    control.abort();
    phase.send_replace(Phase::Closing);
    if tokio::time::timeout(grace, all_ended.recv()).await.is_err() {
        phase.send_replace(Phase::Ending);
    }
    let drained = registry.stop(drain).await;
    // The last answers are still being written.
    let _ = tokio::time::timeout(Duration::from_secs(1), all_ended.recv()).await;
    log.flush().await;
    notice(&format!("stopped: {} requests finished, {} were cut", drained.finished, drained.cut));
    Ok(())
}

fn describe(listeners: &Listeners) -> Vec<ListenerStatus> {
    let plain = listeners.http.iter().map(|listener| (listener, false));
    let all = plain.chain(listeners.https.iter().map(|listener| (listener, true)));
    let status = |(listener, tls): (&TcpListener, bool)| {
        let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
        ListenerStatus { address, tls }
    };
    all.map(status).collect()
}

/// A line for the person who reads the container's log.
fn notice(text: &str) {
    // Nobody to tell if stderr is closed.
    let _ = writeln!(io::stderr(), "ship-proxy: {text}");
}
