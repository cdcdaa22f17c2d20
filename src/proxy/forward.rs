//! One request, top to bottom: find the route and hold it, rewrite, send to a target, pass the answer on.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use hyper::body::Incoming;
use hyper::ext;
use hyper::header::{CONTENT_TYPE, EXPECT, HeaderValue, LOCATION};
use hyper::http::request::Parts;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode, Version};

use super::access_log::{AccessLog, Entry};
use super::answer::{Answer, AppBody};
use super::headers::{self, Peer};
use super::host::Host;
use super::outgoing::{Outgoing, Progress};
use super::pool;
use super::request_id::RequestIds;
use super::rescue::{Trouble, rescue};
use super::route::Table;
use super::send::{Sent, send};
use super::target::Live;
use super::upgrade;

/// What all requests share.
pub(super) struct Front {
    pub(super) table: Arc<ArcSwap<Table>>,
    pub(super) log: Arc<AccessLog>,
    pub(super) ids: RequestIds,
    /// The port that plain requests are redirected to, if there is a TLS listener.
    pub(super) https_port: Option<u16>,
}

/// Answers a request, whatever comes.
pub(super) async fn answer(front: &Front, peer: &Peer, request: Request<Incoming>) -> Response<Answer> {
    let (parts, body) = request.into_parts();
    let mut entry = Entry::new(&front.log, &parts, peer.client.to_string(), peer.scheme);
    let id = headers::request_id(&parts.headers, || front.ids.next());
    id.to_str().unwrap_or_default().clone_into(&mut entry.request_id);
    let mut response = match try_answer(front, peer, parts, (body, id.clone()), &mut entry).await {
        Ok(response) => response,
        Err(trouble) => {
            entry.broken = Some(trouble.to_string());
            rescue(trouble)
        }
    };
    headers::set_request_id(response.headers_mut(), id);
    entry.status = Some(response.status());
    response.body_mut().entry = Some(entry);
    response
}

async fn try_answer(
    front: &Front,
    peer: &Peer,
    mut parts: Parts,
    (body, id): (Incoming, HeaderValue),
    entry: &mut Entry,
) -> Result<Response<Answer>, Trouble> {
    let host = Host::of(&parts)?;
    entry.set_host(&host.name);
    // From here on the release is held: it is not drained before this request has ended.
    let live = front.table.load().find(&host.name, parts.uri.path()).ok_or(Trouble::Unrouted)?;
    live.service.as_str().clone_into(&mut entry.service);
    live.deployment.release.clone_into(&mut entry.release);
    if let Some(redirect) = to_https(front, peer, &live, &host, &parts) {
        return Ok(redirect);
    }
    let meters = Arc::clone(&live.meters);
    meters.requests.fetch_add(1, Ordering::Relaxed);
    let upgrade = headers::wanted_upgrade(&parts);
    let client = upgrade.as_ref().and_then(|_| parts.extensions.remove::<OnUpgrade>());
    headers::for_app(&mut parts, peer, &host.authority, live.deployment.stripped(), upgrade)?;
    headers::set_request_id(&mut parts.headers, id);
    let progress = Progress::default();
    let request = outgoing(parts, body, &progress);
    let sent = send(&front.table, live, request, &progress).await;
    let passed_on = sent.and_then(|sent| {
        sent.on.0.name.clone_into(&mut entry.target);
        pass_on(sent, client)
    });
    if passed_on.is_err() {
        meters.failed.fetch_add(1, Ordering::Relaxed);
    }
    passed_on
}

/// A service with a certificate is reached by TLS only, if there is a listener for it.
fn to_https(front: &Front, peer: &Peer, live: &Live, host: &Host, parts: &Parts) -> Option<Response<Answer>> {
    let port = front.https_port.filter(|_| peer.scheme == "http" && live.deployment.certificate.is_some())?;
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let location = HeaderValue::from_str(&format!("https://{}{port}{path}", host.name)).ok()?;
    let mut response = Response::new(Answer::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, location);
    Some(response)
}

/// The request as it goes to the app. A client that waits for `100 Continue` gets it from the app.
fn outgoing(parts: Parts, body: Incoming, progress: &Progress) -> Request<Outgoing> {
    let body = Outgoing::new(body, progress.clone());
    if !headers::has_token(&parts.headers, &EXPECT, "100-continue") {
        return Request::from_parts(parts, body);
    }
    let (body, open) = body.gated();
    let open = Mutex::new(Some(open));
    let mut request = Request::from_parts(parts, body);
    ext::on_informational(&mut request, move |informational| {
        if informational.status() == StatusCode::CONTINUE
            && let Some(open) = open.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            // An error: the body was given up, and nobody waits.
            let _ = open.send(());
        }
    });
    request
}

/// The app's answer as it goes to the client.
fn pass_on(sent: Sent, client: Option<OnUpgrade>) -> Result<Response<Answer>, Trouble> {
    let Sent { response, connection, on, live } = sent;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let client = client.ok_or(Trouble::Malformed)?;
        return Ok(upgrade::tunnel(response, client, connection, (live, on)));
    }
    let (mut head, incoming) = response.into_parts();
    let keep = pool::keep_for(&head.headers);
    headers::remove_hop_by_hop(&mut head.headers);
    head.version = Version::HTTP_11;
    let content_type = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let events = content_type.is_some_and(|value| value.starts_with(b"text/event-stream"));
    let body = AppBody { incoming, connection: Some(connection), keep, on, live, events, cut: None };
    Ok(Response::from_parts(head, Answer::app(body)))
}
