//! A terminal with someone at it: the master end of a pseudoterminal, driven by a test.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{text, until};

/// A program on a terminal of its own.
pub(crate) struct Terminal {
    master: File,
    child: Child,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Runs a command on a new terminal of this size. `setsid` makes it the command's controlling terminal.
    pub(crate) fn run(command: &Command, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        resize(&master, columns, rows);
        let name = ptsname(&master, Vec::new()).unwrap();
        let end: OwnedFd = open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let master = File::from(master);
        let child = on_terminal(command, &end).spawn().unwrap();
        let seen = Arc::<Mutex<Vec<u8>>>::default();
        read_along(master.try_clone().unwrap(), Arc::clone(&seen));
        Self { master, child, seen }
    }

    /// Types.
    pub(crate) fn types(&mut self, keys: &[u8]) {
        self.master.write_all(keys).unwrap();
    }

    /// Another size, as when a window is dragged.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        resize(&self.master, columns, rows);
    }

    /// Waits until something is on the screen.
    #[track_caller]
    pub(crate) fn until_shows(&self, words: &str) {
        until(&format!("`{words}` on the terminal"), || self.screen().contains(words));
    }

    /// Everything that was shown.
    pub(crate) fn screen(&self) -> String {
        text(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for the end of the command; its exit code.
    #[track_caller]
    pub(crate) fn end(&mut self) -> i32 {
        let mut status = None;
        until("the end of the command on the terminal", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap().code().unwrap_or(-1)
    }
}

fn on_terminal(command: &Command, end: &OwnedFd) -> Command {
    let mut session = Command::new("setsid");
    session.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        session.env(name, value.unwrap_or_default());
    }
    session
        .current_dir(command.get_current_dir().unwrap())
        .stdin(end.try_clone().unwrap())
        .stdout(end.try_clone().unwrap())
        .stderr(end.try_clone().unwrap());
    session
}

/// Ends with the terminal, whose last reader it is.
fn read_along(mut master: File, seen: Arc<Mutex<Vec<u8>>>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = master.read(&mut buffer) {
            seen.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
        }
    });
}

fn resize(master: impl std::os::fd::AsFd, columns: u16, rows: u16) {
    tcsetwinsize(master, Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
}
