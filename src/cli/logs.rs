//! `ship logs`: what all containers say, in the order of time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, select_all};

use crate::diagnostic::{Exit, Failure};
use crate::inventory::{Container, HostInventory};
use crate::name::HostName;
use crate::observe;
use crate::ports::{LogLine, LogRequest, PortResult};
use crate::ui::json;
use crate::ui::log_prefix::{self, Source};

use super::Program;
use super::args;
use super::fleet::{self, Fleet, from_port};
use super::project::File;

/// Lines of each container if neither `--tail` nor `--since` is given.
const TAIL: usize = 100;

/// How long a followed line waits for older ones from other hosts before it is shown.
const PATIENCE: Duration = Duration::from_millis(200);

/// A container whose log is shown.
struct Shown {
    host: HostName,
    container: Container,
}

/// `ship logs`
pub(super) async fn logs(program: &Program, arguments: &args::Logs) -> Result<Exit, Failure> {
    let file = File::find(&program.common, &program.directory)?;
    let reach = file.reach(&program.common)?;
    let hosts = fleet::chosen(&reach.hosts, &program.common.hosts)?;
    let request = request(program, arguments)?;
    let fleet = Fleet::connect(&program.edges, &hosts).await?;
    let (inventory, mut missing) = fleet::split(observe::look(&fleet.world(), &reach.scope).await);
    if let Some((_, error)) = missing.pop_first() {
        return Err(from_port(Exit::Unchanged, &error));
    }
    let shown = shown(&inventory, arguments)?;
    let streams = shown.iter().enumerate().filter_map(|(index, shown)| {
        let logs = &fleet.remotes.get(&shown.host)?.logs;
        Some(logs.lines(&shown.container.name, &request).map(move |line| (index, line)).boxed())
    });
    let screen = Screen::new(program, &shown, arguments.grep.clone());
    let all = select_all(streams);
    let mut interrupt = program.edges.interrupt();
    tokio::select! {
        shown = screen.show(all, arguments.follow) => shown?,
        _ = interrupt.wait_for(|value| *value) => {}
    }
    Ok(Exit::Done)
}

fn request(program: &Program, arguments: &args::Logs) -> Result<LogRequest, Failure> {
    let since = arguments.since.as_deref().map(|text| since(text, &program.edges.clock().wall())).transpose()?;
    let tail = match (arguments.tail, &since) {
        (Some(count), _) => Some(usize::try_from(count).unwrap_or(usize::MAX)),
        (None, Some(_)) => None,
        (None, None) => Some(TAIL),
    };
    Ok(LogRequest { follow: arguments.follow, since, tail })
}

/// `10m` before now, or a time, as seconds since the epoch.
fn since(text: &str, now: &str) -> Result<String, Failure> {
    let before = |span: jiff::SignedDuration| now.parse::<jiff::Timestamp>().ok()?.checked_sub(span).ok();
    let moment = text.parse().ok().and_then(before).map_or_else(|| text.parse::<jiff::Timestamp>(), Ok);
    moment.map(|moment| moment.as_duration().as_secs_f64().max(0.0)).map(|seconds| format!("{seconds:.6}")).map_err(
        |_| {
            Failure::new(Exit::Usage, format!("`{text}` is no time"))
                .hint("ship logs --since 10m")
                .hint(format!("ship logs --since {now}"))
        },
    )
}

/// The containers whose logs are asked for: of the live release, or of the one that is named.
fn shown(inventory: &BTreeMap<HostName, HostInventory>, arguments: &args::Logs) -> Result<Vec<Shown>, Failure> {
    let mut shown = Vec::new();
    for (name, host) in inventory {
        let Some(release) = arguments.release.or_else(|| host.serving()) else { continue };
        shown.extend(
            host.of_release(release)
                .filter(|container| arguments.role.as_ref().is_none_or(|role| *role == container.labels.role))
                .map(|container| Shown { host: name.clone(), container: container.clone() }),
        );
    }
    shown.sort_by(|a, b| {
        (&a.host, &a.container.labels.role, a.container.labels.replica).cmp(&(
            &b.host,
            &b.container.labels.role,
            b.container.labels.replica,
        ))
    });
    if shown.is_empty() {
        let what = match arguments.release {
            Some(number) => format!("there is no container of {number}"),
            None => "there is no container of a live release".to_owned(),
        };
        return Err(Failure::new(Exit::Unchanged, what).hint("ship releases").hint("ship status"));
    }
    Ok(shown)
}

/// A line that waits for older ones: when, which in the order of arrival, of which container, what, and whether it came
/// from standard error.
type Waiting = Reverse<(String, u64, usize, bytes::Bytes, bool)>;

/// Where lines go.
struct Screen<'a> {
    program: &'a Program,
    shown: &'a [Shown],
    prefixes: Vec<String>,
    grep: Option<String>,
}

type Lines<'a> = futures_util::stream::SelectAll<BoxStream<'a, (usize, PortResult<LogLine>)>>;

impl<'a> Screen<'a> {
    fn new(program: &'a Program, shown: &'a [Shown], grep: Option<String>) -> Self {
        let sources: Vec<Source<'_>> = shown
            .iter()
            .map(|shown| Source {
                host: &shown.host,
                role: &shown.container.labels.role,
                replica: shown.container.labels.replica,
            })
            .collect();
        let width = log_prefix::width(&sources);
        let style = program.stdout_style();
        let prefixes = sources
            .iter()
            .enumerate()
            .map(|(index, source)| log_prefix::prefix(*source, index, width, style))
            .collect();
        Self { program, shown, prefixes, grep }
    }

    /// Shows lines in the order of time: all of them once they are here, or, when following, each after a short wait
    /// for older ones.
    async fn show(&self, mut lines: Lines<'_>, follow: bool) -> Result<(), Failure> {
        let mut waiting = BinaryHeap::new();
        let mut number = 0_u64;
        let mut oldest = tokio::time::Instant::now();
        loop {
            let next = if follow && !waiting.is_empty() {
                let Ok(next) = tokio::time::timeout_at(oldest + PATIENCE, lines.next()).await else {
                    self.flush(&mut waiting)?;
                    continue;
                };
                next
            } else {
                lines.next().await
            };
            if waiting.is_empty() {
                oldest = tokio::time::Instant::now();
            }
            let Some((index, line)) = next else { return self.flush(&mut waiting) };
            let line = line.map_err(|error| from_port(Exit::Unchanged, &error))?;
            number += 1;
            // The number keeps lines of the same moment in the order in which they came.
            waiting.push(Reverse((line.at.clone(), number, index, line.text, line.errors)));
        }
    }

    fn flush(&self, waiting: &mut BinaryHeap<Waiting>) -> Result<(), Failure> {
        while let Some(Reverse((at, _, index, text, errors))) = waiting.pop() {
            let text = String::from_utf8_lossy(&text);
            if self.grep.as_ref().is_some_and(|grep| !text.contains(grep.as_str())) {
                continue;
            }
            let (Some(shown), Some(prefix)) = (self.shown.get(index), self.prefixes.get(index)) else { continue };
            if self.program.common.json {
                let labels = &shown.container.labels;
                let line = json::log::Line {
                    at: &at,
                    host: shown.host.as_str(),
                    role: labels.role.as_str(),
                    replica: labels.replica,
                    release: &labels.release.to_string(),
                    errors,
                    text: &text,
                };
                self.program.json(&json::log::line(&line))?;
            } else {
                self.program.result(&format!("{prefix}{text}\n"))?;
            }
        }
        Ok(())
    }
}
