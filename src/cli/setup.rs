//! `ship setup`: looks at all servers, shows what they lack, asks, and does it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::apply::setup::{self, HostSetup, Servers, Setup, SetupOutcome};
use crate::config;
use crate::diagnostic::{Exit, Failure, Hint as _};
use crate::event::Event;
use crate::name::HostName;
use crate::plan::setup::{self as plan, Problem, ProxySpec, ServerFacts, SetupStep, Wanted};
use crate::ports::PortError;
use crate::ui::prompt::{Prompt, Question};
use crate::ui::style::Tone;

use super::Program;
use super::args;
use super::edges::Login;
use super::fleet::{self, from_port};
use super::project::File;

/// `ship setup`
pub(super) async fn setup(program: &Program, arguments: &args::Setup) -> Result<Exit, Failure> {
    let file = File::find(&program.common, &program.directory)?;
    let reach = file.reach(&program.common)?;
    let hosts = fleet::chosen(&reach.hosts, &program.common.hosts)?;
    let logins = log_in(program, &hosts, arguments.login.as_deref()).await?;
    let plans = plans(program, &logins).await?;
    show(program, &plans)?;
    let steps = plans.values().map(|plan| plan.steps.len()).sum::<usize>();
    if steps == 0 || arguments.plan {
        return Ok(Exit::Done);
    }
    if !arguments.yes {
        let names: Vec<&str> = plans.keys().map(HostName::as_str).collect();
        let question = Question { what: format!("set up {}", names.join(", ")), lost: Vec::new() };
        Prompt::standard(program.stderr_style())
            .confirm(&question)
            .map_err(|error| Failure::from_hint(Exit::Unchanged, &error))?;
    }
    run(program, &logins, &plans).await
}

/// Logs in everywhere, or says where it did not work.
async fn log_in(
    program: &Program,
    hosts: &BTreeMap<HostName, config::Host>,
    login: Option<&str>,
) -> Result<BTreeMap<HostName, Login>, Failure> {
    let tries =
        hosts.iter().map(|(name, host)| async move { (name.clone(), program.edges.server(name, host, login).await) });
    let (logins, missing) = fleet::split(join_all(tries).await.into_iter().collect());
    match failure_of(missing) {
        Some(failure) => Err(failure.hint("ship setup --as USER   # logs in as somebody else")),
        None => Ok(logins),
    }
}

fn failure_of(missing: BTreeMap<HostName, PortError>) -> Option<Failure> {
    let mut missing = missing.into_iter();
    let mut failure = from_port(Exit::Unchanged, &missing.next()?.1);
    failure.output.extend(missing.map(|(name, error)| format!("{name} | {}", error.one_line())));
    failure.state.push("nothing was changed on any host".to_owned());
    Some(failure)
}

/// What each server lacks. Everything that is in the way on any of them is said before anything is changed.
async fn plans(
    program: &Program,
    logins: &BTreeMap<HostName, Login>,
) -> Result<BTreeMap<HostName, HostSetup>, Failure> {
    let looks = logins.iter().map(|(name, login)| async move { (name.clone(), login.server.facts(&login.user).await) });
    let (facts, missing) = fleet::split(join_all(looks).await.into_iter().collect());
    if let Some(failure) = failure_of(missing) {
        return Err(failure);
    }
    let mut proxies = BTreeMap::new();
    let mut plans = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, facts) in &facts {
        let Some(login) = logins.get(name) else { continue };
        let proxy = proxy_for(program, &mut proxies, facts)?;
        let wanted = Wanted { user: login.user.clone(), keys: Vec::new(), proxy };
        match plan::plan(facts, &wanted) {
            Ok(steps) => {
                plans.insert(name.clone(), HostSetup { wanted, steps });
            }
            Err(found) => problems.extend(found.into_iter().map(|problem| (name.clone(), problem))),
        }
    }
    if problems.is_empty() { Ok(plans) } else { Err(in_the_way(&problems)) }
}

fn proxy_for(
    program: &Program,
    proxies: &mut BTreeMap<String, ProxySpec>,
    facts: &ServerFacts,
) -> Result<ProxySpec, Failure> {
    let machine = &facts.system.machine;
    if let Some(proxy) = proxies.get(machine) {
        return Ok(proxy.clone());
    }
    let proxy = program.edges.proxy(machine)?;
    proxies.insert(machine.clone(), proxy.clone());
    Ok(proxy)
}

fn in_the_way(problems: &[(HostName, Problem)]) -> Failure {
    let what = match problems {
        [(name, _)] => format!("{name} cannot be set up as it is"),
        many => format!("{} things are in the way of the setup", many.len()),
    };
    let mut failure = Failure::new(Exit::Unchanged, what);
    for (name, problem) in problems {
        failure.causes.push(format!("{name}: {problem}"));
        for hint in problem.hints() {
            if !failure.hints.contains(&hint) {
                failure.hints.push(hint);
            }
        }
    }
    failure.state.push("nothing was changed on any host".to_owned());
    failure
}

fn show(program: &Program, plans: &BTreeMap<HostName, HostSetup>) -> Result<(), Failure> {
    if program.common.json {
        let hosts: BTreeMap<&str, Vec<String>> = plans
            .iter()
            .map(|(name, plan)| (name.as_str(), plan.steps.iter().map(ToString::to_string).collect()))
            .collect();
        return program.json(&serde_json::json!({"v": 1, "setup": hosts}).to_string());
    }
    let style = program.stderr_style();
    let mut text = String::new();
    for (name, plan) in plans {
        let _ = writeln!(text, "{}", style.paint(Tone::Strong, name.as_str()));
        if plan.steps.is_empty() {
            text.push_str("  nothing to do\n");
        }
        for step in &plan.steps {
            let _ = writeln!(text, "  {step}");
        }
    }
    program.message(&text);
    Ok(())
}

async fn run(
    program: &Program,
    logins: &BTreeMap<HostName, Login>,
    plans: &BTreeMap<HostName, HostSetup>,
) -> Result<Exit, Failure> {
    let servers: Servers = logins.iter().map(|(name, login)| (name.clone(), Arc::clone(&login.server))).collect();
    let clock = program.edges.clock();
    let reporter = program.reporter();
    let tell = |event: Event| reporter.tell(&event);
    let run = Setup { servers: &servers, clock: &*clock, tell: &tell, interrupt: program.edges.interrupt() };
    let outcomes = setup::run(plans, &run).await;
    reporter.finish();
    let mut failures = Vec::new();
    let mut states = Vec::new();
    let mut interrupted = Vec::new();
    for (name, outcome) in outcomes {
        match outcome {
            SetupOutcome::Done(_) => states.push(format!("{name} is ready")),
            SetupOutcome::Interrupted(left) => {
                states.push(format!("{name} still lacks: {}", words(&left)));
                interrupted.push(name);
            }
            SetupOutcome::Failed(failed) => {
                let done = if failed.done.is_empty() { "nothing".to_owned() } else { words(&failed.done) };
                states.push(format!("{name} is not ready; done: {done}"));
                failures.push((name, failed));
            }
        }
    }
    let mut failures = failures.into_iter();
    if let Some((name, first)) = failures.next() {
        let untouched = first.done.is_empty() && states.len() == 1;
        let exit = if untouched { Exit::Unchanged } else { Exit::Disagree };
        let mut failure = Failure::from_error(exit, &first.error);
        failure.what = format!("{name} could not be set up: {}", failure.what);
        failure.hints = first.error.hints();
        failure.output = first.output.iter().map(|line| format!("{name} | {line}")).collect();
        failure.output.extend(failures.map(|(name, failed)| format!("{name} | {}", failed.error)));
        failure.state = states;
        return Err(failure);
    }
    if !interrupted.is_empty() {
        let mut failure = Failure::new(Exit::Interrupted, "interrupted").hint("ship setup   # goes on where it ended");
        failure.state = states;
        return Err(failure);
    }
    if !program.common.json {
        program.message(&format!("{}\nnext: ship deploy\n", states.join("\n")));
    }
    Ok(Exit::Done)
}

fn words(steps: &[SetupStep]) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
