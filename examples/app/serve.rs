//! The server: starts when told, answers until SIGTERM, then lets the requests in flight finish.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::answer::App;
use crate::body::Body;
use crate::settings::Settings;
use crate::{answer, say, say_error, work};

pub(crate) async fn run(settings: Settings) -> io::Result<ExitCode> {
    if let Some(code) = work::start(&settings).await? {
        return Ok(code);
    }
    let address = SocketAddr::new(settings.bind, settings.port);
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("listen on {address}: {error}")))?;
    say(&format!("{} listens on {address}", settings.version));
    tokio::spawn(work::leak(settings.leak_mb));

    let stopped = CancellationToken::new();
    let (open, mut all_closed) = mpsc::channel(1);
    let app = Arc::new(App::new(settings, stopped.clone(), open));
    let mut connections = JoinSet::new();
    let mut end = pin!(work::told_to_stop(app.settings.ignore_term));
    loop {
        tokio::select! {
            result = &mut end => break result?,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => { connections.spawn(serve_connection(stream, peer, Arc::clone(&app))); }
                Err(error) => say_error(&format!("app: accept: {error}")),
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    say(&format!("stopping, {} connections are open", connections.len()));
    stopped.cancel();
    connections.join_all().await;
    drop(app);
    all_closed.recv().await;
    say("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn serve_connection(stream: TcpStream, peer: SocketAddr, app: Arc<App>) {
    let _ = stream.set_nodelay(true);
    let stopped = app.stopped.clone();
    let idle = app.settings.idle;
    let service = service_fn(move |request| respond(Arc::clone(&app), request));
    // The time limit for a request's head also runs while a kept-alive connection waits for the next one.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopped.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result
        && !error.is_timeout()
    {
        say_error(&format!("app: connection from {peer}: {error}"));
    }
}

async fn respond(app: Arc<App>, request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let started = Instant::now();
    let line = format!("{} {}", request.method(), request.uri());
    let response = answer::to(&app, request).await?;
    say(&format!("{line} {} {} ms", response.status().as_u16(), started.elapsed().as_millis()));
    Ok(response)
}
