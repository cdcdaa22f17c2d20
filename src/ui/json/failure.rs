//! `{"v": 1, "error": {…}}`.

use serde::Serialize;

use super::VERSION;
use crate::diagnostic::{Exit, Failure};

#[derive(Serialize)]
struct Shape<'a> {
    v: u32,
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    kind: &'static str,
    exit: u8,
    what: &'a str,
    causes: &'a [String],
    output: &'a [String],
    state: &'a [String],
    hints: &'a [String],
}

/// The failure on one line, without its end.
pub fn line(failure: &Failure) -> String {
    let Failure { exit, what, causes, output, state, hints } = failure;
    let error = Error { kind: kind(*exit), exit: exit.code(), what, causes, output, state, hints };
    super::line(&Shape { v: VERSION, error })
}

fn kind(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "done",
        Exit::Usage => "usage",
        Exit::Unchanged => "unchanged",
        Exit::OldServes => "old-serves",
        Exit::Disagree => "disagree",
        Exit::Interrupted => "interrupted",
        Exit::Command(_) => "command",
    }
}
