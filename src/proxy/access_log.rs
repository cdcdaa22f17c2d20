//! One JSON line for each request, written when its last byte has gone. A request never waits for the log: lines go
//! through a bounded queue to a thread, and if that cannot keep up they are dropped and counted.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use tokio::sync::oneshot;

use super::clock;

/// Lines that may wait to be written.
const QUEUE: usize = 8192;

/// How long the end of ship-proxy waits for the last lines.
const FLUSH: Duration = Duration::from_secs(1);

/// Query parameters whose names contain one of these are masked.
const SECRETS: [&str; 10] =
    ["token", "secret", "passw", "passphrase", "key", "code", "sig", "auth", "session", "credential"];

/// What goes through the queue.
enum Item {
    Line(String),
    /// Write out all that came before, then answer.
    Flush(oneshot::Sender<()>),
}

/// Takes lines.
pub(super) struct AccessLog {
    lines: SyncSender<Item>,
    lost: Arc<AtomicU64>,
}

impl AccessLog {
    /// Starts the thread that writes to `sink`; it ends with the log.
    pub(super) fn start(sink: Box<dyn Write + Send>) -> std::io::Result<Arc<Self>> {
        let (lines, queue) = sync_channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_lines(&queue, BufWriter::new(sink), &counted))?;
        Ok(Arc::new(Self { lines, lost }))
    }

    /// Waits until all lines so far are written, but not for long.
    pub(super) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.lines.try_send(Item::Flush(done)).is_ok() {
            let _ = tokio::time::timeout(FLUSH, flushed).await;
        }
    }
}

/// Flushes whenever there is nothing more to write. A sink that fails loses its lines, never a request.
fn write_lines(queue: &Receiver<Item>, mut sink: BufWriter<Box<dyn Write + Send>>, lost: &AtomicU64) {
    loop {
        let item = queue.try_recv().or_else(|_| {
            let _ = sink.flush();
            queue.recv()
        });
        match item {
            Ok(Item::Line(line)) => {
                let missing = lost.swap(0, Ordering::Relaxed);
                if missing > 0 {
                    let _ = writeln!(sink, "{{\"lost_lines\":{missing}}}");
                }
                let _ = sink.write_all(line.as_bytes());
            }
            Ok(Item::Flush(done)) => {
                let _ = sink.flush();
                let _ = done.send(());
            }
            Err(_) => return,
        }
    }
}

/// What is known of a request so far. Dropping it writes the line.
pub(super) struct Entry {
    log: Arc<AccessLog>,
    began: Instant,
    method: Method,
    host: String,
    path: String,
    client: String,
    scheme: &'static str,
    pub(super) status: Option<StatusCode>,
    /// Of the answer's body.
    pub(super) bytes: u64,
    pub(super) service: String,
    pub(super) release: String,
    pub(super) target: String,
    pub(super) request_id: String,
    /// Why ship-proxy answered by itself, or why the answer ended early.
    pub(super) broken: Option<String>,
}

impl Entry {
    pub(super) fn new(log: &Arc<AccessLog>, parts: &Parts, client: String, scheme: &'static str) -> Box<Self> {
        Box::new(Self {
            log: Arc::clone(log),
            began: Instant::now(),
            method: parts.method.clone(),
            host: String::new(),
            path: masked(parts.uri.path_and_query().map_or("/", |path| path.as_str())),
            client,
            scheme,
            status: None,
            bytes: 0,
            service: String::new(),
            release: String::new(),
            target: String::new(),
            request_id: String::new(),
            broken: None,
        })
    }

    pub(super) fn set_host(&mut self, host: &str) {
        host.clone_into(&mut self.host);
    }

    fn line(&self) -> String {
        let mut line = String::with_capacity(384);
        line.push_str("{\"time\":\"");
        line.push_str(&clock::timestamp());
        line.push('"');
        text(&mut line, "method", self.method.as_str());
        text(&mut line, "scheme", self.scheme);
        text(&mut line, "host", &self.host);
        text(&mut line, "path", &self.path);
        number(&mut line, "status", u64::from(self.status.map_or(0, |status| status.as_u16())));
        let ms = self.began.elapsed().as_secs_f64() * 1000.0;
        // Writing to a String cannot fail.
        let _ = write!(line, ",\"ms\":{ms:.2}");
        number(&mut line, "bytes", self.bytes);
        text(&mut line, "client", &self.client);
        for (name, value) in [
            ("service", &self.service),
            ("release", &self.release),
            ("target", &self.target),
            ("request_id", &self.request_id),
        ] {
            if !value.is_empty() {
                text(&mut line, name, value);
            }
        }
        match (&self.broken, self.status) {
            (Some(broken), _) => text(&mut line, "error", broken),
            (None, None) => text(&mut line, "error", "the client went away"),
            (None, Some(_)) => {}
        }
        line.push_str("}\n");
        line
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.log.lines.try_send(Item::Line(self.line())).is_err() {
            self.log.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn number(line: &mut String, name: &str, value: u64) {
    line.push_str(",\"");
    line.push_str(name);
    line.push_str("\":");
    line.push_str(&value.to_string());
}

fn text(line: &mut String, name: &str, value: &str) {
    line.push_str(",\"");
    line.push_str(name);
    line.push_str("\":\"");
    let plain = |b: u8| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\';
    if value.bytes().all(plain) {
        line.push_str(value);
    } else {
        for character in value.chars() {
            match character {
                '"' => line.push_str("\\\""),
                '\\' => line.push_str("\\\\"),
                c if c < ' ' => {
                    let _ = write!(line, "\\u{:04x}", u32::from(c));
                }
                c => line.push(c),
            }
        }
    }
    line.push('"');
}

/// A path with the values of secret query parameters taken out.
fn masked(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let mut line = format!("{path}?");
    for (index, pair) in query.split('&').enumerate() {
        if index > 0 {
            line.push('&');
        }
        match pair.split_once('=') {
            Some((name, _)) if is_secret(name) => {
                line.push_str(name);
                line.push_str("=[masked]");
            }
            _ => line.push_str(pair),
        }
    }
    line
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // An encoded name could spell anything.
    name.contains('%') || SECRETS.iter().any(|secret| name.contains(secret))
}
