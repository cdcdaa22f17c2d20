//! One line for each event.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;

use super::VERSION;
use crate::event::{Event, Progress, StepId};
use crate::name::HostName;
use crate::plan::Goal;

/// A step's progress is written this often at most.
const PACE: Duration = Duration::from_millis(250);

/// An event as it is written; what does not belong to its kind is left out.
#[derive(Debug, Default, Serialize)]
struct Line<'a> {
    v: u32,
    kind: &'static str,
    elapsed_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hosts: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<StepId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "line")]
    output: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<String>,
}

#[derive(Debug, Serialize)]
struct Bytes {
    done: u64,
    total: u64,
}

/// The event as one line of JSON, without its end.
pub fn line(event: &Event, at: Duration) -> String {
    let base = Line { v: VERSION, elapsed_ms: millis(at), ..Line::default() };
    super::line(&match event {
        Event::Started { goal, hosts } => {
            let hosts = hosts.iter().map(HostName::as_str).collect();
            let release = goal.release().map(|number| number.to_string());
            Line { kind: "started", goal: Some(goal_name(*goal)), release, hosts: Some(hosts), ..base }
        }
        Event::StepStarted { host, step, words } => {
            Line { kind: "step-started", words: Some(words), ..on(base, host, *step) }
        }
        Event::Progress { host, step, progress } => {
            let line = Line { kind: "progress", ..on(base, host, *step) };
            match *progress {
                Progress::Bytes { done, total } => Line { bytes: Some(Bytes { done, total }), ..line },
                Progress::Tries(tries) => Line { tries: Some(tries), ..line },
            }
        }
        Event::Output { host, step, line } => Line { kind: "output", output: Some(line), ..on(base, host, *step) },
        Event::StepDone { host, step, took, note } => {
            let note = (!note.is_empty()).then_some(note.as_str());
            Line { kind: "step-done", took_ms: Some(millis(*took)), note, ..on(base, host, *step) }
        }
        Event::StepFailed { host, step, why } => Line { kind: "step-failed", why: Some(why), ..on(base, host, *step) },
        Event::UndoStarted { host } => Line { kind: "undo-started", host: Some(host.as_str()), ..base },
        Event::UndoDone { host, left } => {
            Line { kind: "undo-done", host: Some(host.as_str()), left: Some(left), ..base }
        }
        Event::Finished { live, took } => {
            let live = live.map(|number| number.to_string());
            Line { kind: "finished", live, took_ms: Some(millis(*took)), ..base }
        }
    })
}

/// A message that is no event, as one line of JSON, without its end.
pub fn note(text: &str, at: Duration) -> String {
    super::line(&Line { v: VERSION, kind: "note", elapsed_ms: millis(at), note: Some(text), ..Line::default() })
}

fn on<'a>(line: Line<'a>, host: &'a HostName, step: StepId) -> Line<'a> {
    Line { host: Some(host.as_str()), step: Some(step), ..line }
}

pub(super) fn goal_name(goal: Goal) -> &'static str {
    match goal {
        Goal::Deploy(_) => "deploy",
        Goal::Rollback(_) => "rollback",
        Goal::Remove => "remove",
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Writes every milestone, and progress now and then.
pub struct Stream {
    writer: Box<dyn Write + Send>,
    written: Vec<(HostName, StepId, Duration)>,
}

impl Stream {
    /// Writes to a writer, usually standard output.
    pub fn new(writer: Box<dyn Write + Send>) -> Self {
        Self { writer, written: Vec::new() }
    }

    /// Writes an event that came at a moment.
    pub fn event(&mut self, event: &Event, at: Duration) {
        match event {
            Event::Progress { host, step, .. } if !self.is_due(host, *step, at) => return,
            Event::StepDone { host, step, .. } | Event::StepFailed { host, step, .. } => {
                self.written.retain(|(known, number, _)| known != host || number != step);
            }
            _ => {}
        }
        self.write(&line(event, at));
    }

    /// Writes a message that is no event.
    pub fn note(&mut self, text: &str, at: Duration) {
        self.write(&note(text, at));
    }

    /// A reader that went away is no reason to stop a deploy.
    fn write(&mut self, line: &str) {
        let _ = writeln!(self.writer, "{line}").and_then(|()| self.writer.flush());
    }

    fn is_due(&mut self, host: &HostName, step: StepId, at: Duration) -> bool {
        match self.written.iter_mut().find(|(known, number, _)| known == host && *number == step) {
            Some((_, _, last)) if at < *last + PACE => false,
            Some((_, _, last)) => {
                *last = at;
                true
            }
            None => {
                self.written.push((host.clone(), step, at));
                true
            }
        }
    }
}
