//! The body of an answer on its way to the client: ship-proxy's own page, or the app's body piece by piece. It holds
//! the claim on the release, so a request is in flight until its last byte has gone.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::access_log::Entry;
use super::pool::Connection;
use super::target::{Live, OnTarget};

/// The body.
pub(super) struct Answer {
    kind: Kind,
    /// Written to the access log when the body is dropped.
    pub(super) entry: Option<Box<Entry>>,
    /// What follows on an HTTP/1.1 connection is not to be believed.
    pub(super) hangs_up: bool,
}

enum Kind {
    Page(Option<Bytes>),
    App(Box<AppBody>),
}

/// The app's body with all that must live as long as it.
pub(super) struct AppBody {
    pub(super) incoming: Incoming,
    /// Drives `incoming`; goes back to the pool when it has ended.
    pub(super) connection: Option<Connection>,
    pub(super) keep: Duration,
    pub(super) on: OnTarget,
    pub(super) live: Arc<Live>,
    /// An event stream: it may end at any time without being incomplete, because its client comes back by itself.
    pub(super) events: bool,
    pub(super) cut: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerError {
    /// The app broke off.
    #[error("read the app's answer")]
    App(#[source] hyper::Error),
    /// The drain of its release is over.
    #[error("the release was replaced and its drain time is over")]
    Cut,
}

impl Answer {
    /// A page of ship-proxy's own.
    pub(super) fn page(text: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Page(Some(text.into())), entry: None, hangs_up: false }
    }

    /// No body at all.
    pub(super) fn empty() -> Self {
        Self { kind: Kind::Page(None), entry: None, hangs_up: false }
    }

    /// The app's body.
    pub(super) fn app(mut body: AppBody) -> Self {
        if body.incoming.is_end_stream() {
            body.finish();
        }
        Self { kind: Kind::App(Box::new(body)), entry: None, hangs_up: false }
    }
}

impl AppBody {
    /// The whole body has arrived: the connection is free.
    fn finish(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.on.0.pool.put(connection, self.keep);
        }
    }

    fn poll_app(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut frame = Pin::new(&mut self.incoming).poll_frame(cx);
        if frame.is_pending()
            && let Some(connection) = &mut self.connection
        {
            let _ = connection.poll_drive(cx);
            frame = Pin::new(&mut self.incoming).poll_frame(cx);
        }
        match &frame {
            Poll::Ready(None) => self.finish(),
            Poll::Ready(Some(Ok(_))) if self.incoming.is_end_stream() => self.finish(),
            Poll::Ready(Some(Err(_))) => self.connection = None,
            _ => {}
        }
        frame
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        if let Poll::Ready(frame) = self.poll_app(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(AnswerError::App)));
        }
        let live = &self.live;
        let cut = self.cut.get_or_insert_with(|| {
            let targets = Arc::clone(&live.targets);
            Box::pin(async move { targets.wait_for_cut().await })
        });
        if cut.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.connection = None;
        Poll::Ready(if self.events { None } else { Some(Err(AnswerError::Cut)) })
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = &mut *self;
        let polled = match &mut this.kind {
            Kind::Page(page) => Poll::Ready(page.take().map(|page| Ok(Frame::data(page)))),
            Kind::App(body) => body.poll(cx),
        };
        if let (Some(entry), Poll::Ready(frame)) = (&mut this.entry, &polled) {
            match frame {
                Some(Ok(frame)) => entry.bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
                Some(Err(error)) => entry.broken = Some(error.to_string()),
                None => {}
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Page(page) => page.is_none(),
            Kind::App(body) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Page(page) => SizeHint::with_exact(page.as_ref().map_or(0, |page| page.len() as u64)),
            Kind::App(body) => body.incoming.size_hint(),
        }
    }
}
