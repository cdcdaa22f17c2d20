//! A small web app to deploy: it answers over HTTP, works in the background, and misbehaves when it is told to.
//!
//! Tests and examples of a deployer need an app whose every fault can be chosen: one that starts slowly, listens where
//! nobody looks, or does not want to stop. Its image has nothing but this binary, so its subcommands are also the
//! programs that are run inside (`app cat`, `app tty`, …); there is no shell.

mod answer;
mod body;
mod serve;
mod settings;
mod terminal;
mod tools;
mod websocket;
mod work;

use std::ffi::OsString;
use std::process::ExitCode;

use settings::Settings;

const USAGE: &str = "\
usage: app [COMMAND]

  serve              answer HTTP requests (the default)
  work               print a tick each second until SIGTERM
  migrate [--fail]   print, leave a mark in the volume, end
  cat                stdin to stdout
  echo WORDS…        print them
  env NAME           print a variable, exactly
  exit N             end with this code
  id                 print user and group
  read PATH          print a file
  write PATH TEXT    write a file
  sleep SECONDS      wait
  tty                say what the terminal is, echo lines
";

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next().unwrap_or_else(|| OsString::from("serve"));
    let rest: Vec<OsString> = arguments.collect();
    match run(&command.to_string_lossy(), &rest).await {
        Ok(code) => code,
        Err(error) => {
            say_error(&format!("app: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: &str, rest: &[OsString]) -> std::io::Result<ExitCode> {
    match command {
        "serve" => serve::run(Settings::from_environment()?).await,
        "work" => work::run(Settings::from_environment()?).await,
        "migrate" => work::migrate(&Settings::from_environment()?, rest),
        "tty" => terminal::run().await,
        "sleep" => tools::sleep(rest).await,
        "cat" => tools::cat(),
        "echo" => tools::echo(rest),
        "env" => tools::env(rest),
        "exit" => tools::exit(rest),
        "id" => Ok(tools::id()),
        "read" => tools::read(rest),
        "write" => tools::write(rest),
        _ => {
            say_error(USAGE.trim_end());
            Ok(ExitCode::from(2))
        }
    }
}

/// Prints a line. Nobody may be reading any more, which is no reason to fall over as `println!` does.
fn say(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn say_error(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
