//! The control API's server: JSON over HTTP/1.1 on the unix socket. docs/control-api.md is its manual.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixListener;

use super::notice;
use super::registry::Registry;
use crate::control::{Code, Refusal, ServiceName};

/// The longest request: a few certificates.
const LONGEST: usize = 1024 * 1024;

/// Answers requests until it is dropped.
pub(super) async fn serve(listener: UnixListener, registry: Arc<Registry>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                notice(&format!("the control socket accepts nothing: {error}"));
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let registry = Arc::clone(&registry);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let registry = Arc::clone(&registry);
                async move { Ok::<_, Infallible>(answer(&registry, request).await) }
            });
            let mut http = http1::Builder::new();
            // The caller's end of the connection is its word that it no longer waits: a switch that still checks its
            // targets is then given up.
            http.timer(TokioTimer::new()).half_close(false);
            // An error is a caller that went away.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(registry: &Arc<Registry>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let answered = dispatch(registry, request).await;
    answered.unwrap_or_else(|refusal| {
        let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        json(status, &refusal)
    })
}

/// All paths there are.
async fn dispatch(registry: &Arc<Registry>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Refusal> {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let segments = path.split('/').skip(1).collect::<Vec<_>>();
    match (segments.as_slice(), method) {
        (["v1", "status"], Method::GET) => Ok(ok(&registry.status().await)),
        (["v1", "services", name], Method::DELETE) => Ok(ok(&registry.remove(&service(name)?).await?)),
        (["v1", "services", name, "switch"], Method::POST) => {
            Ok(ok(&registry.switch(service(name)?, read(request).await?).await?))
        }
        (["v1", "services", name, "confirm"], Method::POST) => {
            Ok(ok(&registry.confirm(&service(name)?, read(request).await?).await?))
        }
        (["v1", "services", name, "revert"], Method::POST) => {
            Ok(ok(&registry.revert(&service(name)?, read(request).await?).await?))
        }
        (["v1", "status"] | ["v1", "services", _] | ["v1", "services", _, "switch" | "confirm" | "revert"], method) => {
            Err(Refusal::new(Code::Method, format!("{path} does not take {method}")))
        }
        _ => Err(Refusal::new(Code::UnknownPath, format!("ship-proxy {} has no {path}", env!("CARGO_PKG_VERSION")))),
    }
}

fn service(text: &str) -> Result<ServiceName, Refusal> {
    text.parse().map_err(|error| Refusal::new(Code::Invalid, format!("{error}")))
}

async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Refusal> {
    let invalid =
        |error: &dyn ToString| Refusal::new(Code::Invalid, format!("read the request: {}", error.to_string()));
    let body = Limited::new(request.into_body(), LONGEST).collect().await.map_err(|error| invalid(&error))?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| invalid(&error))
}

fn ok(value: &impl Serialize) -> Response<Full<Bytes>> {
    json(StatusCode::OK, value)
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    // Wire types have no map with keys that are not text, the only thing that could fail.
    let mut response = Response::new(Full::new(Bytes::from(serde_json::to_vec(value).unwrap_or_default())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
