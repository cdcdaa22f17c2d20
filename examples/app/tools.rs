//! The small programs of an image without a shell.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::process::ExitCode;
use std::time::Duration;

use crate::{say, work};

pub(crate) fn cat() -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    io::copy(&mut io::stdin().lock(), &mut out)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn echo(words: &[OsString]) -> io::Result<ExitCode> {
    let mut line = words.join(OsStr::new(" ")).as_bytes().to_vec();
    line.push(b'\n');
    io::stdout().write_all(&line)?;
    Ok(ExitCode::SUCCESS)
}

/// The bytes of one variable and nothing else, not even an end of line.
pub(crate) fn env(rest: &[OsString]) -> io::Result<ExitCode> {
    match std::env::var_os(argument(rest, 0, "NAME")?) {
        Some(value) => {
            let mut out = io::stdout().lock();
            out.write_all(value.as_bytes())?;
            out.flush()?;
            Ok(ExitCode::SUCCESS)
        }
        None => Ok(ExitCode::FAILURE),
    }
}

pub(crate) fn exit(rest: &[OsString]) -> io::Result<ExitCode> {
    number::<u8>(rest, "N").map(ExitCode::from)
}

pub(crate) fn id() -> ExitCode {
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    say(&format!("uid={} gid={}", user.as_raw(), group.as_raw()));
    ExitCode::SUCCESS
}

pub(crate) fn read(rest: &[OsString]) -> io::Result<ExitCode> {
    let path = argument(rest, 0, "PATH")?;
    let content = std::fs::read(path).map_err(|error| about(path, &error))?;
    let mut out = io::stdout().lock();
    out.write_all(&content)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn write(rest: &[OsString]) -> io::Result<ExitCode> {
    let path = argument(rest, 0, "PATH")?;
    let content = argument(rest, 1, "TEXT")?;
    std::fs::write(path, content.as_bytes()).map_err(|error| about(path, &error))?;
    Ok(ExitCode::SUCCESS)
}

/// Ends early with 143 when told to, as any program does that is not PID 1.
pub(crate) async fn sleep(rest: &[OsString]) -> io::Result<ExitCode> {
    let seconds = number::<f64>(rest, "SECONDS")?;
    let time = Duration::try_from_secs_f64(seconds).map_err(io::Error::other)?;
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(ExitCode::SUCCESS),
        result = work::told_to_stop(false) => result.map(|()| ExitCode::from(143)),
    }
}

fn number<T: std::str::FromStr>(rest: &[OsString], name: &str) -> io::Result<T> {
    let text = argument(rest, 0, name)?.to_string_lossy();
    text.parse().map_err(|_| io::Error::other(format!("{name} cannot be '{text}'")))
}

fn argument<'a>(rest: &'a [OsString], place: usize, name: &str) -> io::Result<&'a OsStr> {
    rest.get(place).map(OsString::as_os_str).ok_or_else(|| io::Error::other(format!("{name} is missing")))
}

fn about(path: &OsStr, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
