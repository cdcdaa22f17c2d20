//! `ship exec` and `ship console`: a program in production, with the user's own streams, and a record of it.

use std::collections::BTreeMap;
use std::io;

use tokio::sync::mpsc;

use crate::diagnostic::{Exit, Failure};
use crate::inventory::{HostInventory, Status};
use crate::name::{HostName, RoleName};
use crate::observe;
use crate::plan::action::ContainerSpec;
use crate::plan::container;
use crate::ports::{ExecRequest, Streams};
use crate::release::Release;

use super::Program;
use super::args::{self, Place};
use super::edges::Remote;
use super::fleet::{self, Fleet, from_port};
use super::project::File;
use super::terminal;

/// `ship exec`
pub(super) async fn exec(program: &Program, arguments: &args::Exec) -> Result<Exit, Failure> {
    run(program, &arguments.place, Some(&arguments.command)).await
}

/// `ship console`
pub(super) async fn console(program: &Program, place: &Place) -> Result<Exit, Failure> {
    run(program, place, None).await
}

/// Where a program is to run.
struct Chosen<'a> {
    host: HostName,
    remote: &'a Remote,
    record: Release,
    spec: ContainerSpec,
}

async fn run(program: &Program, place: &Place, command: Option<&[String]>) -> Result<Exit, Failure> {
    let file = File::find(&program.common, &program.directory)?;
    let reach = file.reach(&program.common)?;
    let hosts = fleet::chosen(&reach.hosts, &program.common.hosts)?;
    let fleet = Fleet::connect(&program.edges, &hosts).await?;
    let (inventory, mut missing) = fleet::split(observe::look(&fleet.world(), &reach.scope).await);
    if let Some((_, error)) = missing.pop_first() {
        return Err(from_port(Exit::Unchanged, &error));
    }
    let chosen = choose(&fleet, &inventory, place)?;
    let command = match command {
        Some(command) => command.to_vec(),
        None => chosen.record.spec.console_command.clone().ok_or_else(|| {
            Failure::new(Exit::Usage, "the live release has no console command")
                .hint("set `console.command = [\"bin/rails\", \"console\"]` in ship.toml and deploy")
                .hint("ship exec -- COMMAND")
        })?,
    };
    // Before it begins, so that nothing runs unseen, and again with its end.
    let mut entry = Recorded {
        id: format!("{}-{}", program.edges.clock().wall(), std::process::id()),
        container: if place.new { format!("{} (new)", chosen.spec.name) } else { chosen.spec.name.clone() },
        command: &command,
        exit: None,
    };
    audit(program, &chosen, &entry).await?;
    let code = attached(program, &chosen, place.new, &command).await?;
    entry.exit = Some(code);
    audit(program, &chosen, &entry).await?;
    // The low eight bits, as a shell would see them.
    Ok(Exit::Command(u8::try_from(code.rem_euclid(256)).unwrap_or(1)))
}

fn choose<'a>(
    fleet: &'a Fleet,
    inventory: &BTreeMap<HostName, HostInventory>,
    place: &Place,
) -> Result<Chosen<'a>, Failure> {
    let mut reasons = Vec::new();
    for (name, host) in inventory {
        let Some(live) = host.serving() else {
            reasons.push(format!("{name} has no live release"));
            continue;
        };
        let Some(record) = host.records.get(&live) else {
            reasons.push(format!("{name} has no record of {live}"));
            continue;
        };
        let Some(role) = place.role.as_ref().or_else(|| record.spec.primary()) else { continue };
        if !record.spec.roles.contains_key(role) {
            return Err(unknown_role(record, role));
        }
        let Some(spec) = spec_of(record, name, role, place.replica) else {
            reasons.push(format!("{name} runs no replica {} of {role}", place.replica));
            continue;
        };
        let running = host.containers.iter().any(|it| it.name == spec.name && it.status == Status::Running);
        if !running && !place.new {
            reasons.push(format!("{} does not run on {name}", spec.name));
            continue;
        }
        let Some(remote) = fleet.remotes.get(name) else { continue };
        return Ok(Chosen { host: name.clone(), remote, record: record.clone(), spec });
    }
    let mut failure = Failure::new(Exit::Unchanged, "there is no container to run it in");
    failure.causes = reasons;
    Err(failure.hint("ship status").hint("ship exec --new -- COMMAND runs it in a fresh container"))
}

fn spec_of(record: &Release, host: &HostName, role: &RoleName, replica: u16) -> Option<ContainerSpec> {
    container::of_host(record, host).into_iter().find(|spec| spec.role == *role && spec.replica == replica)
}

fn unknown_role(record: &Release, role: &RoleName) -> Failure {
    let known: Vec<&str> = record.spec.roles.keys().map(RoleName::as_str).collect();
    Failure::new(Exit::Usage, format!("{} has no role `{role}`", record.number))
        .hint(format!("the roles are {}", known.join(", ")))
}

async fn attached(program: &Program, chosen: &Chosen<'_>, fresh: bool, command: &[String]) -> Result<i64, Failure> {
    let interactive = terminal::is_interactive();
    let mut env = BTreeMap::new();
    if interactive && let Some(term) = &program.surroundings.term {
        env.insert("TERM".to_owned(), term.clone());
    }
    let request = ExecRequest { command: command.to_vec(), tty: interactive.then(terminal::size), env };
    let broken = |error: io::Error| {
        let mut failure = Failure::new(Exit::Unchanged, "the terminal could not be prepared");
        failure.causes.push(error.to_string());
        failure
    };
    let (resized, raw) = if interactive {
        (terminal::resizes().map_err(broken)?, Some(terminal::Raw::enter().map_err(broken)?))
    } else {
        (mpsc::channel(1).1, None)
    };
    let streams = Streams {
        input: Some(Box::new(tokio::io::stdin())),
        output: Box::new(tokio::io::stdout()),
        errors: Box::new(tokio::io::stderr()),
        resized,
    };
    let console = &chosen.remote.console;
    let code = if fresh {
        let secrets = secrets(chosen).await?;
        let spec = one_off(&chosen.spec, program);
        console.run_attached(&spec, &secrets, &request, streams).await
    } else {
        console.exec(&chosen.spec.name, &request, streams).await
    };
    drop(raw);
    code.map_err(|error| from_port(Exit::Unchanged, &error))
}

/// A name of its own, so that several people can have one at the same time.
fn one_off(spec: &ContainerSpec, program: &Program) -> ContainerSpec {
    let moment: String = program.edges.clock().wall().chars().filter(char::is_ascii_digit).collect();
    ContainerSpec { name: format!("{}-exec-{moment}-{}", spec.name, std::process::id()), ..spec.clone() }
}

async fn secrets(chosen: &Chosen<'_>) -> Result<crate::release::Secrets, Failure> {
    chosen
        .remote
        .host
        .archive
        .secrets(&chosen.spec.scope, chosen.spec.release)
        .await
        .map_err(|error| from_port(Exit::Unchanged, &error))
}

/// A use, as it is recorded.
struct Recorded<'a> {
    /// The same for the beginning and the end.
    id: String,
    container: String,
    command: &'a [String],
    exit: Option<i64>,
}

async fn audit(program: &Program, chosen: &Chosen<'_>, entry: &Recorded<'_>) -> Result<(), Failure> {
    let line = serde_json::json!({
        "id": entry.id,
        "at": program.edges.clock().wall(),
        "by": program.edges.person(),
        "command": entry.command,
        "container": entry.container,
        "exit": entry.exit,
    });
    chosen.remote.host.archive.append_audit(&chosen.spec.scope, &line.to_string()).await.map_err(|error| {
        let mut failure = from_port(Exit::Unchanged, &error);
        failure.state.push(match entry.exit {
            Some(code) => format!("the command ran on {} and ended with {code}; its end is not recorded", chosen.host),
            None => format!("the command did not run on {}, because that could not be recorded", chosen.host),
        });
        failure
    })
}
