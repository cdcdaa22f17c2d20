//! What every writer to a connection passes: it keeps the queue before the wire short, and knows when the connection is
//! lost. Without it, megabytes of an upload would wait in front of a lease's sign of life, and over a slow link the host
//! would take the silence for the end of the deployer.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::AsyncWrite;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::wire::Loss;

/// How much may be on its way to the wire: half a second at 2 Mbit/s.
const BATCH: usize = 128 * 1024;
/// What is this small waits for nobody: signs of life, requests, lines.
const SMALL: usize = 1024;

/// The queue before one connection's wire.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue(Arc<QueueState>);

#[derive(Debug, Default)]
struct QueueState {
    /// Bytes that were handed over since the wire had taken all before them.
    handed: AtomicUsize,
    waiting: Mutex<Vec<Waker>>,
}

impl Queue {
    /// The wire has taken everything.
    pub(super) fn flushed(&self) {
        self.0.handed.store(0, Ordering::SeqCst);
        let waiting = std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().for_each(Waker::wake);
    }

    fn is_full(&self) -> bool {
        self.0.handed.load(Ordering::SeqCst) >= BATCH
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_full() {
            return Poll::Ready(());
        }
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        // The wire may have become free before the waker was there to be woken.
        if self.is_full() { Poll::Pending } else { Poll::Ready(()) }
    }
}

/// One writer's way to the connection.
pub(super) struct Gate {
    queue: Queue,
    loss: Loss,
    lost: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The last write was not finished, so the next one goes on with it.
    under_way: bool,
}

impl Gate {
    pub(super) fn new(queue: Queue, loss: Loss) -> Self {
        Self { queue, lost: Box::pin(loss.token().cancelled_owned()), loss, under_way: false }
    }

    pub(super) fn loss(&self) -> &Loss {
        &self.loss
    }

    /// Writes once there is room.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        writer: Pin<&mut (impl AsyncWrite + ?Sized)>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if !self.under_way && buf.len() > SMALL && self.queue.poll_room(cx).is_pending() {
            return self.poll_lost(cx);
        }
        let polled = writer.poll_write(cx, buf);
        self.under_way = polled.is_pending();
        match polled {
            // A full window of a lost connection would be waited for without end.
            Poll::Pending => self.poll_lost(cx),
            Poll::Ready(Ok(written)) => {
                self.queue.0.handed.fetch_add(written, Ordering::SeqCst);
                Poll::Ready(Ok(written))
            }
            Poll::Ready(Err(_)) if self.loss.reason().is_some() => Poll::Ready(Err(self.loss.error())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
        }
    }

    /// Ready with an error once the connection is lost.
    pub(super) fn poll_lost<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.lost.as_mut().poll(cx).map(|()| Err(self.loss.error()))
    }
}
