//! A websocket that sends back what it gets.

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

use crate::answer::text;
use crate::body::{Body, whole};
use crate::say_error;

/// `open` lives as long as the socket, so that the app can wait for the last farewell.
pub(crate) fn accept(request: Request<Incoming>, stopped: CancellationToken, open: mpsc::Sender<()>) -> Response<Body> {
    let Some(accept) = request
        .headers()
        .get(SEC_WEBSOCKET_KEY)
        .and_then(|key| HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok())
    else {
        return text(StatusCode::UPGRADE_REQUIRED, "this is a websocket\n");
    };
    tokio::spawn(async move {
        match hyper::upgrade::on(request).await {
            Ok(upgraded) => {
                if let Err(error) = echo(upgraded, stopped).await {
                    say_error(&format!("app: websocket: {error}"));
                }
            }
            Err(error) => say_error(&format!("app: websocket: {error}")),
        }
        drop(open);
    });
    let mut response = Response::new(whole(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

async fn echo(upgraded: Upgraded, stopped: CancellationToken) -> Result<(), Error> {
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => socket.send(message).await?,
                Some(Ok(_)) => {} // pings and the close are answered by the library
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            () = stopped.cancelled() => {
                let frame = CloseFrame { code: CloseCode::Away, reason: "the app stops".into() };
                return socket.close(Some(frame)).await;
            }
        }
    }
}
