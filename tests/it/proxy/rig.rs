//! A whole proxy for one test, and its control API.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use ship::control::{
    Confirm, Drained, HealthCheck, Refusal, Revert, Reverted, Routes, ServiceName, ServiceStatus, Status, Switch,
    Switched, TargetSpec, confirm_path, revert_path, service_path, switch_path,
};
use ship::proxy::{self, Config, Listeners, listener};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running proxy.
pub(super) struct Rig {
    pub(super) http: SocketAddr,
    pub(super) https: SocketAddr,
    pub(super) directory: Arc<TempDir>,
    pub(super) log: Log,
    shutdown: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// What it has logged.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Rig {
    /// With no state.
    pub(super) fn start() -> Self {
        Self::start_in(Arc::new(TempDir::new().unwrap()))
    }

    /// With the state that is there.
    pub(super) fn start_in(directory: Arc<TempDir>) -> Self {
        let any = "127.0.0.1:0".parse().unwrap();
        let (http, https) = (listener::tcp(any).unwrap(), listener::tcp(any).unwrap());
        let (http_address, https_address) = (http.local_addr().unwrap(), https.local_addr().unwrap());
        let control = listener::control(&directory.path().join("control.sock")).unwrap();
        let log = Log::default();
        let config = Config {
            state: directory.path().to_owned(),
            log: Box::new(log.clone()),
            grace: Duration::from_millis(300),
            drain: Duration::from_secs(2),
        };
        let (shutdown, stop) = oneshot::channel();
        let listeners = Listeners { http: vec![http], https: vec![https], control };
        let task = tokio::spawn(async move { proxy::serve(config, listeners, stop).await.unwrap() });
        Self { http: http_address, https: https_address, directory, log, shutdown: Some(shutdown), task }
    }

    /// As SIGTERM does. The state stays.
    pub(super) async fn stop(mut self) -> Arc<TempDir> {
        self.begin_stop();
        self.task.await.unwrap();
        self.directory
    }

    pub(super) async fn ended(self) {
        self.task.await.unwrap();
    }

    pub(super) fn begin_stop(&mut self) {
        let _ = self.shutdown.take().unwrap().send(());
    }

    /// As SIGKILL does: nothing is said to anyone.
    pub(super) async fn kill(self) -> Arc<TempDir> {
        self.task.abort();
        let _ = self.task.await;
        std::fs::remove_file(self.directory.path().join("control.sock")).unwrap();
        self.directory
    }

    /// Asks the control API; the refusal if it is one.
    pub(super) async fn ask<T: DeserializeOwned>(&self, method: &str, path: &str, body: String) -> Result<T, Refusal> {
        ask(self.directory.path(), method, path, body).await
    }

    pub(super) async fn switch(&self, service: &str, switch: &Switch) -> Result<Switched, Refusal> {
        self.ask("POST", &switch_path(&name(service)), serde_json::to_string(switch).unwrap()).await
    }

    pub(super) async fn confirm(&self, service: &str, generation: u64) -> Result<Drained, Refusal> {
        let body = serde_json::to_string(&Confirm { generation }).unwrap();
        self.ask("POST", &confirm_path(&name(service)), body).await
    }

    pub(super) async fn revert(&self, service: &str, generation: u64) -> Result<Reverted, Refusal> {
        let body = serde_json::to_string(&Revert { generation }).unwrap();
        self.ask("POST", &revert_path(&name(service)), body).await
    }

    pub(super) async fn remove(&self, service: &str) -> Result<Drained, Refusal> {
        self.ask("DELETE", &service_path(&name(service)), String::new()).await
    }

    pub(super) async fn status(&self) -> Status {
        self.ask("GET", ship::control::STATUS_PATH, String::new()).await.unwrap()
    }

    pub(super) async fn service(&self, service: &str) -> ServiceStatus {
        let status = self.status().await;
        status.services.into_iter().find(|one| one.service.as_str() == service).unwrap()
    }

    /// Waits until the service's status is as wanted.
    pub(super) async fn until(&self, service: &str, wanted: impl Fn(&ServiceStatus) -> bool) -> ServiceStatus {
        for _ in 0..1000 {
            let status = self.service(service).await;
            if wanted(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("still not: {:?}", self.service(service).await);
    }
}

pub(super) async fn ask<T: DeserializeOwned>(
    state: &Path,
    method: &str,
    path: &str,
    body: String,
) -> Result<T, Refusal> {
    let stream = UnixStream::connect(state.join("control.sock")).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", "ship-proxy");
    let response = sender.send_request(request.body(Full::<Bytes>::from(body)).unwrap()).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    if status.is_success() {
        return Ok(serde_json::from_slice(&bytes).unwrap());
    }
    let refusal: Refusal = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(refusal.code.status(), status.as_u16());
    Err(refusal)
}

pub(super) fn name(service: &str) -> ServiceName {
    service.parse().unwrap()
}

/// A switch to a release with these targets: all hosts, fast checks, no probation.
pub(super) fn to(release: &str, targets: &[SocketAddr]) -> Switch {
    let spec = |(index, address): (usize, &SocketAddr)| TargetSpec {
        address: address.to_string(),
        name: format!("{release}.{}", index + 1),
    };
    Switch {
        release: release.parse().unwrap(),
        role: Some("web".parse().unwrap()),
        targets: targets.iter().enumerate().map(spec).collect(),
        health: HealthCheck {
            path: "/up".to_owned(),
            host: None,
            interval_ms: 20,
            timeout_ms: 2000,
            deadline_ms: 5000,
        },
        routes: Routes { domains: Vec::new(), path_prefix: "/".to_owned(), strip_prefix: false, tls: None },
        expected_generation: None,
        probation_ms: 0,
        drain_ms: 2000,
        response_timeout_ms: 5000,
    }
}

/// The same for a domain and a path prefix.
pub(super) fn at(mut switch: Switch, domains: &[&str], path_prefix: &str) -> Switch {
    switch.routes.domains = domains.iter().map(ToString::to_string).collect();
    path_prefix.clone_into(&mut switch.routes.path_prefix);
    switch
}

/// The same on probation.
pub(super) fn on_probation(mut switch: Switch, time: Duration) -> Switch {
    switch.probation_ms = u64::try_from(time.as_millis()).unwrap();
    switch
}
