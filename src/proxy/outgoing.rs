//! The body of a request on its way to the app, passed on piece by piece.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;
use tokio::time::Sleep;

/// How long a client that waits for `100 Continue` is kept waiting for an app that never says it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The body.
pub(super) enum Outgoing {
    /// There is none.
    Empty,
    /// What the client sends.
    Client(Box<Upload>),
}

/// What the client sends, and how far it is.
pub(super) struct Upload {
    body: Incoming,
    progress: Progress,
    gate: Option<Gate>,
}

/// Counts the pieces that were passed on: an app is not slow as long as the client is.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    pub(super) fn pieces(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Shut until the app has said `100 Continue`, or [`PATIENCE`] is over. As long as the body is not asked for, the
/// client is not told to send it (RFC 9110, section 10.1.1).
struct Gate {
    opened: oneshot::Receiver<()>,
    late: Pin<Box<Sleep>>,
}

impl Outgoing {
    pub(super) fn new(body: Incoming, progress: Progress) -> Self {
        if body.is_end_stream() { Self::Empty } else { Self::Client(Box::new(Upload { body, progress, gate: None })) }
    }

    /// Holds the body back until the sender has sent.
    pub(super) fn gated(mut self) -> (Self, oneshot::Sender<()>) {
        let (open, opened) = oneshot::channel();
        if let Self::Client(upload) = &mut self {
            upload.gate = Some(Gate { opened, late: Box::pin(tokio::time::sleep(PATIENCE)) });
        }
        (self, open)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Self::Client(upload) = self.get_mut() else { return Poll::Ready(None) };
        if let Some(gate) = &mut upload.gate {
            if Pin::new(&mut gate.opened).poll(cx).is_pending() {
                ready!(gate.late.as_mut().poll(cx));
            }
            upload.gate = None;
        }
        let frame = ready!(Pin::new(&mut upload.body).poll_frame(cx));
        upload.progress.0.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Client(upload) => upload.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Client(upload) => upload.body.size_hint(),
        }
    }
}
