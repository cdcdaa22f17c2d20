//! Containers' logs.

use std::collections::VecDeque;

use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use hyper::Method;
use tokio_util::codec::FramedRead;
use tokio_util::io::StreamReader;

use super::api::{Api, read_body};
use super::fault::Fault;
use super::frames::{Entries, LogLines};
use super::{DockerEngine, query};
use crate::ports::{LogLine, LogRequest, Logs, PortResult};
use crate::remote::http::body;

impl Logs for DockerEngine {
    fn lines(&self, container: &str, request: &LogRequest) -> BoxStream<'static, PortResult<LogLine>> {
        let doing = format!("read the log of {container} on {}", self.host);
        let lines = lines(self.api.clone(), path(container, request));
        lines.map_err(move |fault| fault.doing(doing.clone())).boxed()
    }
}

impl DockerEngine {
    pub(super) async fn tail(&self, container: &str, count: usize) -> PortResult<Vec<String>> {
        let request = LogRequest { tail: Some(count), ..LogRequest::default() };
        let mut lines = self.lines(container, &request);
        let mut last = VecDeque::with_capacity(count);
        while let Some(line) = lines.try_next().await? {
            if last.len() == count {
                last.pop_front();
            }
            last.push_back(String::from_utf8_lossy(&line.text).into_owned());
        }
        Ok(last.into())
    }
}

fn path(container: &str, request: &LogRequest) -> String {
    let tail = request.tail.map_or_else(|| "all".to_owned(), |count| count.to_string());
    let mut path = format!("/containers/{container}/logs?stdout=1&stderr=1&timestamps=1&tail={tail}");
    if request.follow {
        path.push_str("&follow=1");
    }
    if let Some(since) = &request.since {
        path.push_str("&since=");
        path.push_str(&query(since));
    }
    path
}

fn lines(api: Api, path: String) -> impl futures_util::Stream<Item = Result<LogLine, Fault>> + Send {
    let entries = async move {
        let response = api.ask(Method::GET, &path, body("")).await?;
        let entries = FramedRead::new(StreamReader::new(read_body(response)), Entries);
        Ok::<_, Fault>(entries.map_err(|error| Fault::Lost(Box::new(error))))
    };
    // A piece of the stream's end: `None` after the last entry, so that an unfinished line is told too.
    let entries = stream::once(entries).try_flatten().map_ok(Some).chain(stream::once(async { Ok(None) }));
    entries
        .scan(LogLines::default(), |open, entry| {
            let lines: Vec<Result<LogLine, Fault>> = match entry {
                Ok(Some((from, entry))) => open.push(from, &entry).into_iter().map(Ok).collect(),
                Ok(None) => std::mem::take(open).finish().map(Ok).collect(),
                Err(fault) => vec![Err(fault)],
            };
            std::future::ready(Some(stream::iter(lines)))
        })
        .flatten()
}
