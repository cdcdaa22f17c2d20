//! One picture of a [`View`] as lines of a terminal: a line for each host, with a bar, bytes and speed while an image is
//! on its way. Where room is short, the least important goes first: time left, speed, bar, then the end of the words.

use std::time::Duration;

use super::amount;
use super::model::{End, HostView, Phase, Running, Transfer, View};
use super::style::{Style, Tone};

/// Wider lines would tear words and figures apart.
const WIDEST: usize = 110;

/// Size of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub width: usize,
    /// Lines.
    pub height: usize,
}

/// The lines to draw now. Hosts at work come first where not all fit.
pub fn lines(view: &View, at: Duration, size: Size, style: Style) -> Vec<String> {
    let names = view.hosts.iter().map(|host| console::measure_text_width(host.host.as_str())).max().unwrap_or_default();
    // The cursor's line below stays free.
    let room = size.height.saturating_sub(1).max(1);
    if view.hosts.len() <= room {
        return view.hosts.iter().map(|host| host_line(host, at, names, size.width, style)).collect();
    }
    let (busy, idle): (Vec<_>, Vec<_>) = view.hosts.iter().partition(|host| is_busy(host));
    let shown: Vec<_> = busy.into_iter().chain(idle).take(room - 1).collect();
    let mut lines: Vec<_> = shown.iter().map(|host| host_line(host, at, names, size.width, style)).collect();
    let hidden = view.hosts.iter().filter(|host| !shown.iter().any(|known| known.host == host.host));
    lines.push(style.paint(Tone::Quiet, &cut(&rest(hidden), size.width)));
    lines
}

fn is_busy(host: &HostView) -> bool {
    !matches!(host.phase, Phase::Waiting | Phase::Done | Phase::Undone { .. })
}

/// `and 12 more hosts: 9 waiting, 3 done`
fn rest<'a>(hidden: impl Iterator<Item = &'a HostView>) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for host in hidden {
        let word = phase_word(&host.phase);
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let all: usize = counts.iter().map(|(_, count)| count).sum();
    let parts: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    format!("and {all} more hosts: {}", parts.join(", "))
}

fn phase_word(phase: &Phase) -> &'static str {
    match phase {
        Phase::Waiting => "waiting",
        Phase::Working => "working",
        Phase::Failed => "failed",
        Phase::Undoing => "undoing",
        Phase::Undone { .. } => "undone",
        Phase::Done => "done",
    }
}

fn host_line(host: &HostView, at: Duration, names: usize, width: usize, style: Style) -> String {
    let name = console::pad_str(host.host.as_str(), names, console::Alignment::Left, None);
    let name = cut(&name, width);
    let room = width.min(WIDEST).saturating_sub(names + 2);
    let text = match (&host.phase, host.main_step()) {
        (Phase::Undoing, Some(step)) => {
            let label = "undo: ";
            let text = step_text(host, step, at, room.saturating_sub(label.len()), style);
            format!("{}{text}", style.paint(Tone::Warn, label))
        }
        (_, Some(step)) => step_text(host, step, at, room, style),
        (phase, None) => phase_text(host, phase, room, style),
    };
    cut(&format!("{}  {text}", style.paint(Tone::Name, &name)), width)
}

fn phase_text(host: &HostView, phase: &Phase, room: usize, style: Style) -> String {
    let total: Duration = host.ended.iter().map(|ended| ended.took).sum();
    match phase {
        Phase::Waiting => style.paint(Tone::Quiet, "waiting"),
        Phase::Working => style.paint(Tone::Quiet, &cut(host.ended.last().map_or("", |ended| &ended.words), room)),
        Phase::Done => style.paint(Tone::Good, &format!("done in {}", amount::took(total))),
        Phase::Failed => style.paint(Tone::Bad, &cut(&failure_text(host), room)),
        Phase::Undoing => style.paint(Tone::Warn, "undoing"),
        Phase::Undone { left } if left.is_empty() => style.paint(Tone::Warn, "undone"),
        Phase::Undone { left } => style.paint(Tone::Bad, &cut(&format!("undone, but not: {}", left.join("; ")), room)),
    }
}

fn failure_text(host: &HostView) -> String {
    let why = host.ended.iter().rev().find_map(|ended| match &ended.end {
        End::Failed { why } => Some(why.as_str()),
        _ => None,
    });
    format!("failed: {}", why.unwrap_or_default())
}

/// Words, and at the right edge as much of the figures as fits beside the words' first part.
fn step_text(host: &HostView, step: &Running, at: Duration, room: usize, style: Style) -> String {
    let others = host.running.len().saturating_sub(1);
    let more = if others == 0 { String::new() } else { format!(" +{others}") };
    let full = console::measure_text_width(&step.words) + more.len();
    // Words are cut to this before a figure is given up.
    let least = full.min(room / 4);
    let fits = |figure: &&String| least + 2 + console::measure_text_width(figure) <= room;
    let figures = match &step.transfer {
        Some(transfer) => transfer_figures(transfer, at, room, style),
        None => waiting_figures(step, at, style),
    };
    let figure = figures.iter().find(fits).map_or("", String::as_str);
    let for_words = match console::measure_text_width(figure) {
        0 => room,
        width => room.saturating_sub(width + 2),
    };
    let words = format!("{}{more}", cut(&step.words, for_words.saturating_sub(more.len())));
    if figure.is_empty() {
        return words;
    }
    format!("{}  {figure}", console::pad_str(&words, for_words, console::Alignment::Left, None))
}

/// What is told of a transfer, richest first.
fn transfer_figures(transfer: &Transfer, at: Duration, room: usize, style: Style) -> Vec<String> {
    let size = Some(amount::bytes_of(transfer.done, transfer.total));
    let speed = transfer.speed(at).map(amount::speed);
    let left = transfer.left(at).map(|left| format!("{} left", amount::about(left)));
    let bar = Some(bar(transfer.fraction(), if room < 95 { 10 } else { 20 }, style));
    let join = |parts: [&Option<String>; 4]| parts.into_iter().flatten().cloned().collect::<Vec<_>>().join("  ");
    vec![
        join([&bar, &size, &speed, &left]),
        join([&bar, &size, &speed, &None]),
        join([&None, &size, &speed, &None]),
        join([&None, &size, &None, &None]),
        format!("{:.0} %", transfer.fraction() * 100.0),
    ]
}

/// What is told of waiting: nothing in the first second.
fn waiting_figures(step: &Running, at: Duration, style: Style) -> Vec<String> {
    let waited = at.saturating_sub(step.since);
    if waited < Duration::from_secs(1) {
        return Vec::new();
    }
    let span = amount::about(waited);
    let tries = step.tries.filter(|tries| *tries > 1).map(|tries| format!("{span}, {tries} tries"));
    tries.into_iter().chain([span]).map(|text| style.paint(Tone::Quiet, &text)).collect()
}

/// A bar that can be read without colour: the done part is heavy.
fn bar(fraction: f64, width: usize, style: Style) -> String {
    let filled = (0..width)
        .filter(|cell| (amount::to_f64(*cell as u64) + 0.5) / amount::to_f64(width as u64) <= fraction)
        .count();
    let done = style.paint(Tone::Good, &"━".repeat(filled));
    format!("{done}{}", style.paint(Tone::Quiet, &"─".repeat(width - filled)))
}

fn cut(text: &str, width: usize) -> String {
    console::truncate_str(text, width, "…").into_owned()
}
