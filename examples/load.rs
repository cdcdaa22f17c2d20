//! Constant requests of every kind to a server while a command runs, then what the users saw. The quickstart shows with
//! it that a deploy drops nothing; the slow lane proves it with the same users.
//!
//! `load ADDRESS COMMAND…` ends with the command's exit code, or with 1 if a request failed.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it starts a program, and stops where it cannot go on"
)]

#[path = "../tests/hosts/support/load.rs"]
mod load;

use std::io::{self, Write as _};
use std::process::{Command, ExitCode};

use load::Load;

fn main() -> io::Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(address), Some(program)) = (arguments.next(), arguments.next()) else {
        writeln!(io::stderr(), "usage: load ADDRESS COMMAND…")?;
        return Ok(ExitCode::from(2));
    };
    let load = Load::on(&address.to_string_lossy());
    let status = Command::new(program).args(arguments).status()?;
    let seen = load.stop();
    let (answered, failed) = (seen.answered, seen.failures.len());
    writeln!(
        io::stdout(),
        "load: {answered} answers (keep-alive, new connections, 2 s requests, a websocket, an event stream), {failed} failed"
    )?;
    for failure in &seen.failures {
        writeln!(io::stdout(), "load: {failure}")?;
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(if code == 0 && failed > 0 { ExitCode::FAILURE } else { ExitCode::from(code) })
}
