//! The two streams: results go to standard output, everything that is said about the work to standard error. A reader
//! that went away (`ship releases | head`) is no failure.

use std::io::{self, ErrorKind, Write};

use super::frame::Size;

/// Writes a result to standard output as it is.
pub fn result(text: &str) -> io::Result<()> {
    put(&mut io::stdout().lock(), text)
}

/// Writes a message to standard error as it is.
pub fn message(text: &str) -> io::Result<()> {
    put(&mut io::stderr().lock(), text)
}

fn put(writer: &mut impl Write, text: &str) -> io::Result<()> {
    match writer.write_all(text.as_bytes()).and_then(|()| writer.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Columns of the terminal that results go to, if it is one.
pub fn stdout_width() -> Option<usize> {
    console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns))
}

/// Size of the terminal that progress goes to; 80 by 24 if it does not say.
pub(super) fn stderr_size() -> Size {
    let (lines, columns) = console::Term::stderr().size_checked().unwrap_or((24, 80));
    Size { width: usize::from(columns), height: usize::from(lines) }
}
