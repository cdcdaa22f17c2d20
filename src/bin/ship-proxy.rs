//! `ship-proxy`: what stands between users and the app. Reads its few flags, makes the sockets, serves until SIGTERM.

use std::error::Error;
use std::fs::DirBuilder;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use ship::diagnostic::Exit;
use ship::proxy::{self, Config, Listeners, listener};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "\
usage: ship-proxy serve --state DIR [--http ADDRESS]… [--https ADDRESS]…
       ship-proxy --version

Serves HTTP on --http (default [::]:80, IPv4 too) and TLS on --https (default [::]:443).
State and the control socket (control.sock) are in DIR. Access log: stdout, JSON lines.
";

/// Clients may have a request on its way for about this long.
const GRACE: Duration = Duration::from_millis(1500);

/// Docker's default stop time is 10 s; ship gives ship-proxy more.
const DRAIN: Duration = Duration::from_secs(30);

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Command {
    Serve(Options),
    Version,
    Help,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    state: PathBuf,
    http: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
}

fn main() -> ExitCode {
    let command = match parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(problem) => {
            let _ = write!(std::io::stderr(), "ship-proxy: {problem}\n{USAGE}");
            return ExitCode::from(Exit::Usage.code());
        }
    };
    // Nobody to tell if stdout is closed.
    let options = match command {
        Command::Version => {
            let _ = writeln!(std::io::stdout(), "ship-proxy {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Command::Help => {
            let _ = write!(std::io::stdout(), "{USAGE}");
            return ExitCode::SUCCESS;
        }
        Command::Serve(options) => options,
    };
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut line = format!("ship-proxy: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                line = format!("{line}: {cause}");
                source = cause.source();
            }
            let _ = writeln!(std::io::stderr(), "{line}");
            ExitCode::from(Exit::Unchanged.code())
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    match arguments.next().as_deref() {
        Some("serve") => {}
        Some("--version" | "-V") => return Ok(Command::Version),
        Some("--help" | "-h") => return Ok(Command::Help),
        Some(other) => return Err(format!("`{other}` is not a command")),
        None => return Err("expected a command".to_owned()),
    }
    let mut options = Options::default();
    while let Some(flag) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{flag} needs a value"));
        let address = |text: String| text.parse().map_err(|_| format!("`{text}` is not an address like [::]:80"));
        match flag.as_str() {
            "--state" => options.state = value()?.into(),
            "--http" => options.http.push(address(value()?)?),
            "--https" => options.https.push(address(value()?)?),
            _ => return Err(format!("`{flag}` is not an option")),
        }
    }
    if options.state.as_os_str().is_empty() {
        return Err("--state is needed".to_owned());
    }
    let all = |port| SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port));
    if options.http.is_empty() {
        options.http.push(all(80));
    }
    if options.https.is_empty() {
        options.https.push(all(443));
    }
    Ok(Command::Serve(options))
}

#[tokio::main]
async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let Options { state, http, https } = options;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&state)
        .map_err(|error| format!("make {}: {error}", state.display()))?;
    let listeners = Listeners {
        control: listener::control(&state.join("control.sock"))?,
        http: http.into_iter().map(listener::tcp).collect::<Result<_, _>>()?,
        https: https.into_iter().map(listener::tcp).collect::<Result<_, _>>()?,
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let config = Config { state, log: Box::new(std::io::stdout()), grace: GRACE, drain: DRAIN };
    proxy::serve(config, listeners, shutdown).await?;
    Ok(())
}
