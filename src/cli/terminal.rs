//! The user's terminal as the program at the other end sees it: raw while it runs, and its size whenever it changes.

use std::io::{self, IsTerminal as _};

use rustix::termios::{self, OptionalActions, Termios};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::ports::Size;

/// Whether a person sits at both ends: then the program gets a terminal.
pub(super) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// The terminal's size; 80 by 24 if it does not say.
pub(super) fn size() -> Size {
    termios::tcgetwinsize(io::stdout())
        .ok()
        .filter(|size| size.ws_col > 0 && size.ws_row > 0)
        .map_or(Size { columns: 80, rows: 24 }, |size| Size { columns: size.ws_col, rows: size.ws_row })
}

/// Raw mode until it is dropped: every key goes to the program, Ctrl-C too.
pub(super) struct Raw {
    before: Termios,
}

impl Raw {
    /// Switches standard input's terminal.
    pub(super) fn enter() -> io::Result<Self> {
        let before = termios::tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Self { before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // If the terminal is gone there is nothing to restore.
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Tells each new size, for as long as somebody listens (SIGWINCH).
pub(super) fn resizes() -> io::Result<mpsc::Receiver<Size>> {
    let (tell, told) = mpsc::channel(4);
    let mut changes = signal(SignalKind::window_change())?;
    tokio::spawn(async move {
        while changes.recv().await.is_some() {
            if tell.send(size()).await.is_err() {
                return;
            }
        }
    });
    Ok(told)
}
