//! The Engine API over kept channels: bollard for what is typed, plain requests for streams.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bollard::{BollardRequest, ClientVersion, Docker};
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use http_body_util::{BodyExt, BodyStream, Either};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, UPGRADE};
use hyper::http::uri::PathAndQuery;
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::Deserialize;

use super::fault::Fault;
use crate::remote::http::{Body, Channels, HttpError};

/// The version that is asked for until an engine refuses it: Docker 20.10 speaks nothing above it, and everything up
/// to 28 speaks it. 29 wants at least 1.44 and says so.
const FIRST_MINOR: u32 = 41;

/// The version that this bollard was made for.
const NEWEST_MINOR: u32 = 53;

/// bollard's own limit on the time to an answer's head, in seconds. Loading an image answers late, so that the real
/// limits are set by the callers.
const NO_LIMIT: u64 = 24 * 3600;

/// One engine's API.
#[derive(Clone)]
pub(super) struct Api {
    channels: Arc<Channels>,
    /// Minor part of the API's version (`1.minor`), raised when the engine asks for it.
    minor: Arc<AtomicU32>,
}

/// What an engine answers when it refuses.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Api {
    pub(super) fn new(channels: Arc<Channels>) -> Self {
        Self { channels, minor: Arc::new(AtomicU32::new(FIRST_MINOR)) }
    }

    /// Begins to open channels ahead of need.
    pub(super) fn open_ahead(&self, count: usize) {
        self.channels.open_ahead(count);
    }

    /// bollard over these channels.
    pub(super) fn docker(&self) -> Result<Docker, bollard::errors::Error> {
        let api = self.clone();
        let transport = move |request: BollardRequest| {
            let api = api.clone();
            async move { api.send(request).await.map_err(as_bollard) }
        };
        let version = ClientVersion { major_version: 1, minor_version: FIRST_MINOR as usize };
        Docker::connect_with_custom_transport(transport, Some("http://engine"), NO_LIMIT, &version)
    }

    /// A request of our own; the answer's body is still to be read.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Body) -> Result<Response<Incoming>, Fault> {
        self.ask_as(request(method, path, body)?).await
    }

    /// A request after which the channel belongs to a program's input and output.
    pub(super) async fn hijack(&self, path: &str, body: Body) -> Result<TokioIo<Upgraded>, Fault> {
        let mut request = request(Method::POST, path, body)?;
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        request.headers_mut().insert(UPGRADE, HeaderValue::from_static("tcp"));
        let response = self.ask_as(request).await?;
        // This channel is given away; the next request shall find another one open.
        self.channels.open_ahead(1);
        let upgraded = hyper::upgrade::on(response).await.map_err(|error| Fault::Lost(Box::new(error)))?;
        Ok(TokioIo::new(upgraded))
    }

    async fn ask_as(&self, request: Request<Body>) -> Result<Response<Incoming>, Fault> {
        let response = self.send(request).await?;
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let bytes = response.into_body().collect().await.map_err(|error| Fault::Lost(Box::new(error)))?.to_bytes();
        let message = serde_json::from_slice::<Refusal>(&bytes)
            .map_or_else(|_| String::from_utf8_lossy(&bytes).into_owned(), |refusal| refusal.message);
        Err(Fault::Answered { status: status.as_u16(), message })
    }

    /// Sends under the version in use; where the engine refuses, perhaps because it finds that too old, once more under
    /// its own. What is refused as a bad request has done nothing.
    async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, HttpError> {
        let minor = self.minor.load(Ordering::Relaxed);
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
        parts.uri = versioned(&path, minor);
        // A body that comes along cannot be sent twice, but it is never what an engine is asked first.
        let again = match &body {
            Either::Left(known) => Some((parts.clone(), Body::Left(known.clone()))),
            Either::Right(_) => None,
        };
        let response = self.channels.request(Request::from_parts(parts, body)).await?;
        let newest = newest_minor(&response).filter(|newest| *newest > minor);
        let (StatusCode::BAD_REQUEST, Some(newest), Some((mut parts, body))) = (response.status(), newest, again)
        else {
            return Ok(response);
        };
        parts.uri = versioned(&path, newest);
        let response = self.channels.request(Request::from_parts(parts, body)).await?;
        if response.status() != StatusCode::BAD_REQUEST {
            self.minor.store(newest, Ordering::Relaxed);
        }
        Ok(response)
    }
}

fn request(method: Method, path: &str, body: Body) -> Result<Request<Body>, Fault> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(CONTENT_TYPE, "application/json")
        .body(body)
        .map_err(|error| Fault::Unusable(Box::new(error)))
}

/// The path with the API's version before it. bollard leaves it out for transports of one's own.
fn versioned(path: &str, minor: u32) -> Uri {
    let path = path.strip_prefix('/').unwrap_or(path);
    // Path and query come from a parsed URI, so that they are still one with a prefix.
    format!("/v1.{minor}/{path}").parse().unwrap_or_default()
}

/// The newest version that both the engine and bollard know.
fn newest_minor(response: &Response<Incoming>) -> Option<u32> {
    let version = response.headers().get("api-version")?.to_str().ok()?;
    let minor = version.strip_prefix("1.")?.parse().ok()?;
    Some(NEWEST_MINOR.min(minor))
}

/// A whole answer.
pub(super) async fn answer<T: serde::de::DeserializeOwned>(response: Response<Incoming>) -> Result<T, Fault> {
    let bytes = response.into_body().collect().await.map_err(|error| Fault::Lost(Box::new(error)))?.to_bytes();
    serde_json::from_slice(&bytes).map_err(|error| Fault::Unusable(Box::new(error)))
}

/// The bytes of an answer as they come.
pub(super) fn read_body(response: Response<Incoming>) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin {
    let frames = TryStreamExt::map_err(BodyStream::new(response.into_body()), io::Error::other);
    frames.try_filter_map(|frame| std::future::ready(Ok(frame.into_data().ok())))
}

fn as_bollard(error: HttpError) -> bollard::errors::Error {
    match error {
        HttpError::Dial(err) => bollard::errors::Error::IOError { err },
        HttpError::Broken(err) => bollard::errors::Error::HyperResponseError { err },
    }
}
