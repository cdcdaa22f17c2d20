//! A plan with colour. The words are those of `plan::notation`.

use super::style::{Style, Tone};
use crate::plan::Plan;
use crate::plan::notation::{Kind, lines};

/// What `ship plan` prints, with its end.
pub fn text(plan: &Plan, style: Style) -> String {
    lines(plan).into_iter().fold(String::new(), |mut text, line| {
        text.push_str(&match tone(line.kind) {
            Some(tone) => style.paint(tone, &line.text),
            None => line.text,
        });
        text.push('\n');
        text
    })
}

fn tone(kind: Kind) -> Option<Tone> {
    match kind {
        Kind::Title => Some(Tone::Strong),
        Kind::Change | Kind::Heading => Some(Tone::Name),
        Kind::Action => None,
        Kind::Final => Some(Tone::Warn),
        Kind::Detail => Some(Tone::Quiet),
    }
}
