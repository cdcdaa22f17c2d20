//! What an answer is made of: text, or a stream that goes on.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use tokio_util::sync::CancellationToken;

pub(crate) type Body = BoxBody<Bytes, hyper::Error>;

const TICK: Duration = Duration::from_millis(200);
const CHUNK: usize = 64 * 1024;

pub(crate) fn whole(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(never).boxed()
}

/// An event each tick, until the app stops or the client leaves.
pub(crate) fn events(version: String, stopped: CancellationToken) -> Body {
    let ticks = stream::unfold((0_u64, version, stopped), |(tick, version, stopped)| async move {
        if tick > 0 {
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                () = stopped.cancelled() => return None,
            }
        }
        let event = format!("id: {tick}\ndata: {version} tick {tick}\n\n");
        Some((Ok(Bytes::from(event)), (tick + 1, version, stopped)))
    });
    streamed(ticks)
}

/// `length` bytes that say nothing.
pub(crate) fn filler(length: u64) -> Body {
    let chunk = Bytes::from(vec![b'.'; CHUNK]);
    streamed(stream::unfold(length, move |left| {
        let size = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
        let piece = (size > 0).then(|| (Ok(chunk.slice(..size)), left - size as u64));
        std::future::ready(piece)
    }))
}

fn streamed(pieces: impl Stream<Item = Result<Bytes, hyper::Error>> + Send + Sync + 'static) -> Body {
    StreamBody::new(pieces.map_ok(Frame::data)).boxed()
}

fn never(impossible: Infallible) -> hyper::Error {
    match impossible {}
}
