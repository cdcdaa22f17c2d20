//! The app without HTTP: the worker, the release command, and the misbehaviour that every process shares.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::settings::Settings;
use crate::{say, say_error};

/// Prints a tick each second until SIGTERM.
pub(crate) async fn run(settings: Settings) -> io::Result<ExitCode> {
    if let Some(code) = start(&settings).await? {
        return Ok(code);
    }
    tokio::spawn(leak(settings.leak_mb));
    tokio::select! {
        never = tick(&settings.version) => match never {},
        result = told_to_stop(settings.ignore_term) => result?,
    }
    say("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn tick(version: &str) -> std::convert::Infallible {
    for number in 1_u64.. {
        say(&format!("{version} works, tick {number}"));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    std::future::pending().await
}

/// What a release command does: once per release, and with a trace in the volume, if there is one.
pub(crate) fn migrate(settings: &Settings, rest: &[OsString]) -> io::Result<ExitCode> {
    say(&format!("migrating to {}", settings.version));
    if rest.iter().any(|argument| argument == "--fail") {
        say_error("app: migration failed: relation \"posts\" already exists");
        return Ok(ExitCode::FAILURE);
    }
    if settings.volume.is_dir() {
        std::fs::write(settings.volume.join("migrated"), &settings.version)?;
    }
    say("migrated");
    Ok(ExitCode::SUCCESS)
}

/// Takes the time that starting takes; returns a code if it was in vain: a process that cannot start and says why
/// (`APP_EXIT`), or one that was told to stop before it had begun.
pub(crate) async fn start(settings: &Settings) -> io::Result<Option<ExitCode>> {
    if let Some(code) = settings.exit {
        say_error(&format!("app: cannot start: APP_EXIT={code}"));
        return Ok(Some(ExitCode::from(code)));
    }
    tokio::select! {
        () = tokio::time::sleep(settings.start) => Ok(None),
        result = told_to_stop(settings.ignore_term) => result.map(|()| Some(ExitCode::from(143))),
    }
}

/// Returns at SIGTERM or SIGINT. The handlers matter: the kernel spares PID 1 of a container from their defaults.
pub(crate) async fn told_to_stop(ignore: bool) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if !ignore {
            return Ok(());
        }
        say("ignoring the signal to stop");
    }
}

/// Loses so many megabytes each second.
pub(crate) async fn leak(megabytes: usize) {
    if megabytes == 0 {
        return;
    }
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let held = lose_memory(megabytes);
        say(&format!("{held} MB are lost"));
    }
}

/// Takes memory for good; returns how many megabytes were taken by now.
pub(crate) fn lose_memory(megabytes: usize) -> usize {
    static LOST: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    let mut lost = LOST.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..megabytes {
        // Written to, since memory that was only asked for costs nothing.
        lost.push(vec![1; 1024 * 1024]);
    }
    lost.len()
}
