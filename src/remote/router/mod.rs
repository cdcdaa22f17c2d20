//! ship-proxy of a host: the port [`crate::ports::Router`] on its control API (`control/`).

mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::control::{self, Code, Refusal, ServiceName};
use crate::inventory::Proxy;
use crate::name::{HostName, Scope};
use crate::plan::action::Switch;
use crate::ports::{Drained, PortError, PortErrorKind, PortResult, Router, Switched, Target};
use crate::release::Secrets;
use crate::remote::http::{Channels, Dial, HttpError, body};

/// How long ship-proxy may take for what it does at once, and beyond what it was told to wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest drain that a revert may wait for; nobody tells how long the release that has to go may drain.
const LONG: Duration = Duration::from_mins(15);

/// Why ship-proxy did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum ControlError {
    /// It refused.
    #[error(transparent)]
    Refused(#[from] Box<Refusal>),
    /// It cannot be reached.
    #[error("ship-proxy cannot be reached")]
    Unreachable(#[source] io::Error),
    /// The channel broke.
    #[error("the connection to ship-proxy broke")]
    Lost(#[source] hyper::Error),
    /// There is no answer in time.
    #[error("ship-proxy did not answer for {0} s")]
    Silent(u64),
    /// The answer is not what the control API promises.
    #[error("ship-proxy answered {status} with something that cannot be understood")]
    Unusable {
        /// HTTP status.
        status: u16,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

/// One host's ship-proxy.
pub struct ControlRouter {
    host: HostName,
    channels: Arc<Channels>,
    /// The generations that this connection's switches led to: confirming one of them needs no look first.
    switched: Mutex<BTreeMap<ServiceName, u64>>,
}

impl ControlRouter {
    /// A ship-proxy behind its control socket; no channel is opened yet.
    pub fn new(host: HostName, socket: Box<dyn Dial>) -> Self {
        Self { host, channels: Channels::new(socket), switched: Mutex::default() }
    }

    /// Begins to open a channel ahead of need.
    pub fn open_ahead(&self) {
        self.channels.open_ahead(1);
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        request: Vec<u8>,
        limit: Duration,
    ) -> Result<T, ControlError> {
        let mut asked = Request::new(body(request));
        *asked.method_mut() = method;
        // Paths are made from names, which have nothing that a URI could not have.
        *asked.uri_mut() = path.parse().unwrap_or_default();
        asked.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
        let answer = async {
            let response = self.channels.request(asked).await?;
            let status = response.status();
            let bytes = response.into_body().collect().await.map_err(ControlError::Lost)?.to_bytes();
            let unusable = |source| ControlError::Unusable { status: status.as_u16(), source };
            if status.is_success() {
                serde_json::from_slice(&bytes).map_err(unusable)
            } else {
                Err(serde_json::from_slice::<Box<Refusal>>(&bytes).map_err(unusable)?.into())
            }
        };
        tokio::time::timeout(limit, answer).await.unwrap_or(Err(ControlError::Silent(limit.as_secs())))
    }

    async fn status(&self) -> Result<control::Status, ControlError> {
        self.ask(Method::GET, control::STATUS_PATH, Vec::new(), PATIENCE).await
    }

    /// The generation of a switch that may still be on probation; `None` if the app has no route.
    async fn generation(&self, service: &ServiceName) -> Result<Option<u64>, ControlError> {
        let known = self.switched.lock().unwrap_or_else(PoisonError::into_inner).get(service).copied();
        if known.is_some() {
            return Ok(known);
        }
        let status = self.status().await?;
        Ok(status.services.into_iter().find(|found| found.service == *service).map(|found| found.generation))
    }
}

#[async_trait]
impl Router for ControlRouter {
    async fn view(&self, scope: &Scope) -> PortResult<Option<Proxy>> {
        match self.status().await {
            Ok(status) => Ok(Some(wire::proxy(status, &scope.into()))),
            Err(ControlError::Unreachable(error)) if is_refusal(&error) => Ok(None),
            Err(error) => Err(self.failed("look at ship-proxy", error)),
        }
    }

    async fn switch(
        &self,
        scope: &Scope,
        switch: &Switch,
        targets: &[Target],
        secrets: &Secrets,
    ) -> PortResult<Switched> {
        let doing = format!("switch {scope} to {}", switch.release);
        let service = ServiceName::from(scope);
        let request = wire::switch(switch, targets, secrets)
            .map_err(|error| PortError::refused(format!("{doing} on {}", self.host), error))?;
        let limit = Duration::from_millis(request.health.deadline_ms) + PATIENCE;
        match self.ask(Method::POST, &control::switch_path(&service), json(&request), limit).await {
            Ok(control::Switched { generation, .. }) => {
                self.switched.lock().unwrap_or_else(PoisonError::into_inner).insert(service, generation);
                Ok(Switched::Done { generation })
            }
            Err(ControlError::Refused(refusal)) if refusal.code == Code::Unhealthy => {
                Ok(Switched::NotHealthy(wire::not_healthy(*refusal)))
            }
            Err(error) => Err(self.failed(&doing, error)),
        }
    }

    async fn confirm(&self, scope: &Scope, drain: Duration) -> PortResult<Drained> {
        let doing = format!("confirm the switch of {scope}");
        let service = ServiceName::from(scope);
        // Without a route there is nothing to confirm, and ship-proxy says that itself.
        let generation = self.generation(&service).await.map_err(|error| self.failed(&doing, error))?.unwrap_or(0);
        let request = json(&control::Confirm { generation });
        let answer = self.ask(Method::POST, &control::confirm_path(&service), request, drain + PATIENCE).await;
        let control::Drained { finished, cut, .. } = answer.map_err(|error| self.failed(&doing, error))?;
        Ok(Drained { finished, cut })
    }

    async fn revert(&self, scope: &Scope) -> PortResult<()> {
        let doing = format!("put the previous release of {scope} back");
        let service = ServiceName::from(scope);
        let generation = match self.generation(&service).await {
            Ok(Some(generation)) => generation,
            Ok(None) => return Ok(()),
            Err(error) => return Err(self.failed(&doing, error)),
        };
        let request = json(&control::Revert { generation });
        let answer: Result<control::Reverted, _> =
            self.ask(Method::POST, &control::revert_path(&service), request, LONG).await;
        done_anyway(answer.map(drop), &[Code::Final, Code::Reverted, Code::UnknownService])
            .map_err(|error| self.failed(&doing, error))
    }

    async fn remove(&self, scope: &Scope) -> PortResult<()> {
        let service = ServiceName::from(scope);
        let answer: Result<control::Drained, _> =
            self.ask(Method::DELETE, &control::service_path(&service), Vec::new(), LONG).await;
        self.switched.lock().unwrap_or_else(PoisonError::into_inner).remove(&service);
        done_anyway(answer.map(drop), &[Code::UnknownService])
            .map_err(|error| self.failed(&format!("remove the route of {scope}"), error))
    }
}

impl ControlRouter {
    fn failed(&self, doing: &str, error: ControlError) -> PortError {
        let kind = match &error {
            ControlError::Lost(_) | ControlError::Silent(_) => PortErrorKind::Lost,
            ControlError::Unreachable(error) if !is_refusal(error) => PortErrorKind::Lost,
            ControlError::Refused(refusal) => match refusal.code {
                Code::Generation | Code::Owner | Code::Reverted | Code::Final => PortErrorKind::Conflict,
                Code::UnknownService => PortErrorKind::Missing,
                _ => PortErrorKind::Refused,
            },
            ControlError::Unreachable(_) | ControlError::Unusable { .. } => PortErrorKind::Refused,
        };
        let hint = match &error {
            ControlError::Unreachable(_) if kind == PortErrorKind::Refused => {
                Some("ship setup                  # starts ship-proxy")
            }
            ControlError::Refused(refusal) if refusal.code == Code::UnknownPath => {
                Some("ship setup                  # brings ship-proxy to this version")
            }
            ControlError::Refused(refusal) if refusal.code == Code::Owner => {
                Some("set `proxy.domains` (or `proxy.path_prefix`) in ship.toml, so that both apps can be told apart")
            }
            _ => None,
        };
        let failed = PortError::refused(format!("{doing} on {}", self.host), error).kind(kind);
        match hint {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    }
}

/// What is refused because it is already so is done.
fn done_anyway(result: Result<(), ControlError>, codes: &[Code]) -> Result<(), ControlError> {
    match result {
        Err(ControlError::Refused(refusal)) if codes.contains(&refusal.code) => Ok(()),
        other => other,
    }
}

/// Whether the host says that nobody listens there, as opposed to being out of reach.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::ConnectionRefused)
}

fn json(request: &impl Serialize) -> Vec<u8> {
    // Only maps with keys that are not strings could fail to serialize, and the wire types have none.
    serde_json::to_vec(request).unwrap_or_default()
}

impl From<HttpError> for ControlError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Dial(error) => Self::Unreachable(error),
            HttpError::Broken(error) => Self::Lost(error),
        }
    }
}
