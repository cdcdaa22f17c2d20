//! Which request gets which answer.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::body::{self, Body, whole};
use crate::settings::Settings;
use crate::{websocket, work};

/// What requests share.
pub(crate) struct App {
    pub(crate) settings: Settings,
    /// Cancelled when the app was told to stop.
    pub(crate) stopped: CancellationToken,
    /// Websockets hold a clone of it.
    open: mpsc::Sender<()>,
    up_status: AtomicU16,
}

impl App {
    pub(crate) fn new(settings: Settings, stopped: CancellationToken, open: mpsc::Sender<()>) -> Self {
        let up_status = AtomicU16::new(settings.up_status);
        Self { settings, stopped, open, up_status }
    }
}

/// The name of a header that every answer carries, so that a client sees which release it talked to.
const VERSION_HEADER: HeaderName = HeaderName::from_static("x-app-version");

pub(crate) async fn to(app: &App, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let version = &app.settings.version;
    let mut response = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/") => page(version),
        (&Method::PUT | &Method::POST, "/up") => set_up_status(app, &request),
        (_, "/up") => up(app),
        (_, "/version") => text(StatusCode::OK, version),
        (_, "/env") => environment(&request),
        (&Method::PUT | &Method::POST, "/volume") => write_volume(app, request).await?,
        (_, "/volume") => read_volume(app),
        (_, "/headers") => json(&headers(request.headers())),
        (_, "/slow") => slow(&request).await,
        (_, "/events") => events(app),
        (_, "/ws") => websocket::accept(request, app.stopped.clone(), app.open.clone()),
        (_, "/leak") => leak(&request),
        (_, "/big") => big(&request),
        (&Method::PUT | &Method::POST, "/echo") => Response::new(request.into_body().boxed()),
        (&Method::POST, "/exit") => exit(&request),
        (_, path) => text(StatusCode::NOT_FOUND, &format!("there is nothing at {path}\n")),
    };
    if let Ok(version) = HeaderValue::from_str(version) {
        response.headers_mut().insert(VERSION_HEADER, version);
    }
    Ok(response)
}

pub(crate) fn text(status: StatusCode, content: &str) -> Response<Body> {
    let mut response = Response::new(whole(content.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The page that the image brings along.
fn page(version: &str) -> Response<Body> {
    match std::fs::read("/public/index.html") {
        Ok(content) => {
            let mut response = Response::new(whole(content));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            response
        }
        Err(_) => text(StatusCode::OK, &format!("hello from {version}\n")),
    }
}

fn json(value: &BTreeMap<String, String>) -> Response<Body> {
    let mut response = Response::new(whole(serde_json::json!(value).to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn up(app: &App) -> Response<Body> {
    let status = StatusCode::from_u16(app.up_status.load(Ordering::Relaxed)).unwrap_or(StatusCode::OK);
    text(status, if status.is_success() { "ok\n" } else { "not well, as I was told\n" })
}

/// `PUT /up?status=503`: from now on the app is not well, or well again.
fn set_up_status(app: &App, request: &Request<Incoming>) -> Response<Body> {
    match query(request, "status").and_then(|status| status.parse().ok()) {
        Some(status @ 200..=599) => {
            app.up_status.store(status, Ordering::Relaxed);
            text(StatusCode::OK, &format!("/up answers {status} from now on\n"))
        }
        _ => text(StatusCode::BAD_REQUEST, "say ?status=503\n"),
    }
}

/// All of the environment as JSON, or with `?name=` the bytes of one variable.
fn environment(request: &Request<Incoming>) -> Response<Body> {
    if let Some(name) = query(request, "name") {
        return match std::env::var_os(name) {
            Some(value) => Response::new(whole(value.as_bytes().to_vec())),
            None => text(StatusCode::NOT_FOUND, &format!("{name} is not set\n")),
        };
    }
    let lossy = |text: &OsStr| text.to_string_lossy().into_owned();
    json(&std::env::vars_os().map(|(name, value)| (lossy(&name), lossy(&value))).collect())
}

/// A header that came several times has its values joined by commas, which HTTP says is the same.
fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        all.entry(name.to_string())
            .and_modify(|earlier| {
                earlier.push_str(", ");
                earlier.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    all
}

async fn write_volume(app: &App, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let content = request.into_body().collect().await?.to_bytes();
    Ok(match std::fs::write(app.settings.volume.join("note"), &content) {
        Ok(()) => text(StatusCode::OK, "written\n"),
        Err(error) => failed(&error),
    })
}

fn read_volume(app: &App) -> Response<Body> {
    match std::fs::read(app.settings.volume.join("note")) {
        Ok(content) => Response::new(whole(content)),
        Err(error) => failed(&error),
    }
}

fn failed(error: &io::Error) -> Response<Body> {
    let status = match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NOT_FOUND,
        io::ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    text(status, &format!("{error}\n"))
}

async fn slow(request: &Request<Incoming>) -> Response<Body> {
    let milliseconds = query_number(request, "ms", 1000);
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    text(StatusCode::OK, &format!("took {milliseconds} ms\n"))
}

fn events(app: &App) -> Response<Body> {
    let mut response = Response::new(body::events(app.settings.version.clone(), app.stopped.clone()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

fn leak(request: &Request<Incoming>) -> Response<Body> {
    let megabytes = query_number(request, "mb", 1);
    let held = work::lose_memory(usize::try_from(megabytes).unwrap_or(usize::MAX));
    text(StatusCode::OK, &format!("{held} MB are lost\n"))
}

fn big(request: &Request<Incoming>) -> Response<Body> {
    let length = query_number(request, "mb", 1).saturating_mul(1024 * 1024);
    let mut response = Response::new(body::filler(length));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// `POST /exit?code=3`: the app dies now, in the middle of everything.
#[expect(clippy::exit, reason = "dying without a word to anybody is what was asked for")]
fn exit(request: &Request<Incoming>) -> ! {
    let code = u8::try_from(query_number(request, "code", 1)).unwrap_or(1);
    crate::say_error(&format!("app: told to exit with {code}"));
    std::process::exit(code.into())
}

fn query<'a>(request: &'a Request<Incoming>, name: &str) -> Option<&'a str> {
    let pairs = request.uri().query()?.split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find_map(|(key, value)| (key == name).then_some(value))
}

fn query_number(request: &Request<Incoming>, name: &str, default: u64) -> u64 {
    query(request, name).and_then(|value| value.parse().ok()).unwrap_or(default)
}
