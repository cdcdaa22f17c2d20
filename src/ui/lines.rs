//! The display without a terminal, for a CI and for pipes: one plain line for each milestone, with the host in front,
//! and a sign of life from what takes long.

use std::io::Write;
use std::time::Duration;

use super::amount;
use super::model::{End, HostView, Running, View};
use super::style::{Style, Tone, printable};
use crate::event::{Event, StepId};
use crate::name::HostName;
use crate::plan::Goal;

/// After this long an action that still runs is mentioned.
const FIRST_SIGN: Duration = Duration::from_secs(3);

/// And again after each of these.
const NEXT_SIGN: Duration = Duration::from_secs(10);

/// Writes lines.
pub struct Lines {
    writer: Box<dyn Write + Send>,
    style: Style,
    signs: Vec<Sign>,
}

/// When an action was last mentioned.
struct Sign {
    host: HostName,
    step: StepId,
    at: Duration,
}

impl Lines {
    /// Writes to a writer, usually standard error.
    pub fn new(writer: Box<dyn Write + Send>, style: Style) -> Self {
        Self { writer, style, signs: Vec::new() }
    }

    /// Takes note of an event; the view has it already.
    pub fn event(&mut self, event: &Event, view: &View, at: Duration) {
        if let Event::Output { host, step, .. } = event {
            self.announce(host, *step, view, at);
        }
        if let Some(line) = milestone(event, view, self.style) {
            self.note(&line);
        }
        self.tick(view, at);
    }

    /// Mentions what has been running for long.
    pub fn tick(&mut self, view: &View, at: Duration) {
        self.signs.retain(|sign| view.find(&sign.host).is_some_and(|host| host.running(sign.step).is_some()));
        for host in &view.hosts {
            for running in &host.running {
                if self.is_due(host, running, at) {
                    let line = format!("{}{}", prefix(&host.host, view, self.style), life(running, at));
                    self.note(&line);
                    self.mentioned(&host.host, running.step, at);
                }
            }
        }
    }

    /// Writes a line of its own. Where nobody reads any more, there is nobody to tell.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(self.writer, "{text}");
    }

    /// Nothing is left to be written.
    pub fn finish(&mut self) {
        let _ = self.writer.flush();
    }

    /// Says what runs before its first line of output.
    fn announce(&mut self, host: &HostName, step: StepId, view: &View, at: Duration) {
        let running = view.find(host).and_then(|host| host.running(step));
        if let Some(running) = running.filter(|_| self.last_sign(host, step).is_none()) {
            let line = format!("{}{}", prefix(host, view, self.style), running.words);
            self.note(&line);
            self.mentioned(host, step, at);
        }
    }

    fn is_due(&self, host: &HostView, running: &Running, at: Duration) -> bool {
        match self.last_sign(&host.host, running.step) {
            Some(last) => at >= last + NEXT_SIGN,
            None => at >= running.since + FIRST_SIGN,
        }
    }

    fn last_sign(&self, host: &HostName, step: StepId) -> Option<Duration> {
        self.signs.iter().find(|sign| sign.step == step && sign.host == *host).map(|sign| sign.at)
    }

    fn mentioned(&mut self, host: &HostName, step: StepId, at: Duration) {
        self.signs.retain(|sign| sign.step != step || sign.host != *host);
        self.signs.push(Sign { host: host.clone(), step, at });
    }
}

/// `push image blog-production:r43: 12.3/45.6 MB, 1.2 MB/s, 28 s left`
fn life(running: &Running, at: Duration) -> String {
    let mut parts = Vec::new();
    if let Some(transfer) = &running.transfer {
        parts.push(amount::bytes_of(transfer.done, transfer.total));
        parts.extend(transfer.speed(at).map(amount::speed));
        parts.extend(transfer.left(at).map(|left| format!("{} left", amount::about(left))));
    } else {
        parts.push(format!("{} so far", amount::about(at.saturating_sub(running.since))));
        parts.extend(running.tries.map(|tries| format!("{tries} tries")));
    }
    format!("{}: {}", running.words, parts.join(", "))
}

/// The line that a milestone leaves behind, on a terminal too; `None` for what is not worth one.
pub(super) fn milestone(event: &Event, view: &View, style: Style) -> Option<String> {
    let on = |host: &HostName, text: String| Some(format!("{}{text}", prefix(host, view, style)));
    match event {
        Event::Started { goal, hosts } => Some(started(*goal, hosts, style)),
        Event::StepStarted { .. } | Event::Progress { .. } => None,
        Event::Output { host, line, .. } => on(host, format!("| {}", printable(line))),
        Event::StepDone { host, step, .. } => on(host, step_done(view, host, *step, style)?),
        Event::StepFailed { host, step, why } => {
            let words = view.find(host).and_then(|host| host.ended(*step)).map_or("", |ended| ended.words.as_str());
            let joint = if words.is_empty() { "" } else { ": " };
            on(host, format!("{} {words}{joint}{}", style.paint(Tone::Bad, "failed:"), printable(why)))
        }
        Event::UndoStarted { host } => on(host, style.paint(Tone::Warn, "undoing")),
        Event::UndoDone { host, left } if left.is_empty() => on(host, style.paint(Tone::Warn, "undone")),
        Event::UndoDone { host, left } => {
            on(host, format!("undone, {} {}", style.paint(Tone::Bad, "but not:"), left.join("; ")))
        }
        Event::Finished { live, took } => {
            let took = amount::took(*took);
            let text = match (view.goal, live) {
                (Some(Goal::Remove), _) => "removed".to_owned(),
                (_, Some(number)) => format!("{number} is live"),
                (_, None) => "done".to_owned(),
            };
            Some(format!("{} ({took})", style.paint(Tone::Good, &text)))
        }
    }
}

fn started(goal: Goal, hosts: &[HostName], style: Style) -> String {
    let hosts = hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(", ");
    let what = match goal {
        Goal::Deploy(number) => format!("deploying {number} to"),
        Goal::Rollback(number) => format!("rolling back to {number} on"),
        Goal::Remove => "removing from".to_owned(),
    };
    format!("{} {}", style.paint(Tone::Strong, &what), style.paint(Tone::Name, &hosts))
}

fn step_done(view: &View, host: &HostName, step: StepId, style: Style) -> Option<String> {
    let ended = view.find(host)?.ended(step)?;
    let End::Done { note } = &ended.end else { return None };
    let took = amount::took(ended.took);
    let facts = if note.is_empty() { took } else { format!("{}, {took}", printable(note)) };
    Some(format!("{} {}", ended.words, style.paint(Tone::Quiet, &format!("({facts})"))))
}

/// The host, filled up to the longest name, so that what follows stands below each other.
fn prefix(host: &HostName, view: &View, style: Style) -> String {
    let width = view.hosts.iter().map(|host| host.host.as_str().len()).max().unwrap_or_default();
    format!("{}  ", style.paint(Tone::Name, &format!("{host:<width$}")))
}
