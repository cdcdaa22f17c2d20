//! A program that needs a real terminal, and says what it got.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use rustix::termios::tcgetwinsize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::signal::unix::{SignalKind, signal};

use crate::say;

/// Tells what the streams are, then echoes lines until their end. Ctrl-C ends it with 130.
pub(crate) async fn run() -> io::Result<ExitCode> {
    say(&format!("stdin: {}", kind(io::stdin().is_terminal())));
    say(&format!("stdout: {}", kind(io::stdout().is_terminal())));
    say(&format!("stderr: {}", kind(io::stderr().is_terminal())));
    say(&format!("TERM: {}", std::env::var_os("TERM").unwrap_or_default().display()));
    say_size();

    let mut resized = signal(SignalKind::window_change())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => say(&format!("you said: {line}")),
                None => return Ok(ExitCode::SUCCESS),
            },
            _ = resized.recv() => say_size(),
            _ = interrupted.recv() => {
                say("interrupted");
                leave(130);
            }
        }
    }
}

/// A thread still waits in a read of stdin, and returning from `main` would wait for it.
#[expect(clippy::exit, reason = "nothing else ends a blocked read")]
fn leave(code: i32) -> ! {
    std::process::exit(code)
}

fn kind(is_terminal: bool) -> &'static str {
    if is_terminal { "a terminal" } else { "no terminal" }
}

fn say_size() {
    if let Ok(size) = tcgetwinsize(io::stdout()) {
        say(&format!("size: {}x{}", size.ws_col, size.ws_row));
    }
}
