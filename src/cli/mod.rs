//! The commands: each reads its arguments, asks the edges, and hands values to the screen. One file a command.
//!
//! Architecture invariant: no command knows that SSH or Docker exist; what reaches out is behind [`edges::Edges`].

pub mod args;
pub mod edges;

mod audit;
mod change;
mod configuration;
mod deploy;
mod exec;
mod fleet;
mod init;
mod logs;
mod project;
mod releases;
mod remove;
mod rollback;
mod setup;
mod status;
mod terminal;

use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::{Exit, Failure};
use crate::ui::reporter::{Mode, Reporter};
use crate::ui::style::{Style, Surroundings};
use crate::ui::{failure_view, json, screen};
use args::{Arguments, Command, Common};
use edges::Edges;

/// What every command is given.
pub struct Program {
    /// Everything outside the process.
    pub edges: Arc<dyn Edges>,
    /// What the screen can do.
    pub surroundings: Surroundings,
    /// What holds for every command.
    pub common: Common,
    /// Where the user is.
    pub directory: PathBuf,
}

/// Runs one command and shows its failure. The answer is the process's exit code.
pub async fn run(edges: Arc<dyn Edges>, surroundings: Surroundings, arguments: Arguments, directory: PathBuf) -> Exit {
    let program = Program { edges, surroundings, common: arguments.common, directory };
    match dispatch(&program, arguments.command).await {
        Ok(exit) => exit,
        Err(failure) => {
            program.show(&failure);
            failure.exit
        }
    }
}

async fn dispatch(program: &Program, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Init(arguments) => init::init(program, &arguments),
        Command::Setup(arguments) => setup::setup(program, &arguments).await,
        Command::Deploy(arguments) => deploy::deploy(program, &arguments).await,
        Command::Rollback(arguments) => rollback::rollback(program, &arguments).await,
        Command::Status => status::status(program).await,
        Command::Plan(image) => deploy::plan(program, &image).await,
        Command::Releases => releases::releases(program).await,
        Command::Logs(arguments) => logs::logs(program, &arguments).await,
        Command::Exec(arguments) => exec::exec(program, &arguments).await,
        Command::Console(place) => exec::console(program, &place).await,
        Command::Audit => audit::audit(program).await,
        Command::Config => configuration::config(program),
        Command::Remove(arguments) => remove::remove(program, &arguments).await,
        Command::Completions { shell } => program.result(&args::completions(shell)).map(|()| Exit::Done),
    }
}

impl Program {
    fn stdout_style(&self) -> Style {
        self.surroundings.stdout()
    }

    fn stderr_style(&self) -> Style {
        self.surroundings.stderr()
    }

    fn reporter(&self) -> Reporter {
        Reporter::new(Mode::choose(self.common.json, &self.surroundings))
    }

    /// Columns for tables, if results go to a terminal.
    fn width(&self) -> Option<usize> {
        screen::stdout_width().filter(|_| self.surroundings.stdout_is_terminal)
    }

    /// Writes a result.
    #[expect(clippy::unused_self, reason = "the screen belongs to the program that was given to a command")]
    fn result(&self, text: &str) -> Result<(), Failure> {
        screen::result(text).map_err(|error| {
            let mut failure = Failure::new(Exit::Unchanged, "the result could not be written");
            failure.causes.push(error.to_string());
            failure
        })
    }

    /// Writes JSON as a result, with its line's end.
    fn json(&self, text: &str) -> Result<(), Failure> {
        self.result(&format!("{}\n", text.trim_end()))
    }

    /// Writes a message. If standard error is gone, there is nobody to tell.
    #[expect(clippy::unused_self, reason = "the screen belongs to the program that was given to a command")]
    fn message(&self, text: &str) {
        let _ = screen::message(text);
    }

    fn show(&self, failure: &Failure) {
        if self.common.json {
            let _ = screen::result(&format!("{}\n", json::failure::line(failure)));
        }
        self.message(&failure_view::text(failure, self.stderr_style()));
    }
}
