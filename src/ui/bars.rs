//! The display for a terminal: the frame of [`super::frame`] is drawn over again at the bottom, and what is worth keeping
//! is printed above it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::frame::{self, Size};
use super::lines::milestone;
use super::model::View;
use super::style::Style;
use crate::event::Event;

/// Draws on a terminal.
#[derive(Debug)]
pub struct Bars {
    // One bar whose message is the whole frame: indicatif places, limits and clears it, and nothing else.
    frame: ProgressBar,
    style: Style,
    size: fn() -> Size,
}

impl Bars {
    /// Draws on standard error.
    pub fn new(style: Style) -> Self {
        Self::on(ProgressDrawTarget::stderr(), style, super::screen::stderr_size)
    }

    /// Draws on any terminal.
    pub fn on(target: ProgressDrawTarget, style: Style, size: fn() -> Size) -> Self {
        let frame = ProgressBar::with_draw_target(None, target);
        // This template is right by construction; the default would only look different.
        frame.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { frame, style, size }
    }

    /// Takes note of an event; the view has it already.
    pub fn event(&self, event: &Event, view: &View, at: Duration) {
        if matches!(event, Event::Progress { .. }) {
            return;
        }
        if is_worth_a_line(event)
            && let Some(line) = milestone(event, view, self.style)
        {
            self.frame.println(line);
        }
        self.tick(view, at);
    }

    /// Draws the frame as it is now.
    pub fn tick(&self, view: &View, at: Duration) {
        if view.finished.is_none() {
            self.frame.set_message(frame::lines(view, at, (self.size)(), self.style).join("\n"));
        }
    }

    /// Prints a line above the frame.
    pub fn note(&self, text: &str) {
        self.frame.println(text);
    }

    /// Leaves the terminal as it is without a frame.
    pub fn finish(&self) {
        self.frame.finish_and_clear();
    }
}

/// The frame shows what goes on; only what took long or said something stays to be read later.
fn is_worth_a_line(event: &Event) -> bool {
    match event {
        Event::StepDone { took, note, .. } => !note.is_empty() || *took >= Duration::from_secs(1),
        _ => true,
    }
}
