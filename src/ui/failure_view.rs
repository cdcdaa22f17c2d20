//! A failure as the user reads it: what, why, what the failed thing said itself, in what state the hosts are, and what to
//! type next. The words in front carry the meaning; colour only helps to find them.

use super::style::{Style, Tone, printable};
use crate::diagnostic::{Exit, Failure};

/// The failure as text that ends with a newline.
pub fn text(failure: &Failure, style: Style) -> String {
    let mut text = String::new();
    labelled(&mut text, "", &style.paint(Tone::Bad, "error:"), &failure.what);
    for cause in &failure.causes {
        labelled(&mut text, "  ", "because:", cause);
    }
    for line in &failure.output {
        text.push_str("  ");
        text.push_str(&style.paint(Tone::Quiet, &printable(line)));
        text.push('\n');
    }
    for state in states(failure) {
        labelled(&mut text, "  ", &style.paint(Tone::Strong, "state:"), state);
    }
    for hint in &failure.hints {
        labelled(&mut text, "  ", &style.paint(Tone::Name, "hint:"), hint);
    }
    text
}

/// What is known of the hosts. After the lease was taken nobody is left without an answer.
fn states(failure: &Failure) -> Vec<&str> {
    let touched = matches!(failure.exit, Exit::OldServes | Exit::Disagree);
    match failure.state.as_slice() {
        [] if touched => vec!["not known; `ship status` looks"],
        states => states.iter().map(String::as_str).collect(),
    }
}

/// A label and its text; further lines of the text stand below its first.
fn labelled(out: &mut String, indent: &str, label: &str, text: &str) {
    out.push_str(indent);
    out.push_str(label);
    for (index, line) in text.lines().enumerate() {
        out.push_str(if index == 0 { " " } else { "\n    " });
        out.push_str(&printable(line));
    }
    out.push('\n');
}
