//! The flow that deploy, rollback and remove share: lease, inventory, plan, apply; and how its end is told.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::apply::{self, After, Failed, Held, Outcome, Run};
use crate::diagnostic::{Exit, Failure, Hint as _};
use crate::event::Event;
use crate::inventory::Inventory;
use crate::name::{HostName, Scope};
use crate::observe::{self, Asking, Leased};
use crate::plan::{Goal, NoPlan, Plan};
use crate::ports::World;
use crate::release::Secrets;
use crate::ui::timings_view;

use super::Program;
use super::fleet::{Fleet, from_port};

/// What a change needs to know.
pub(super) struct Change<'a> {
    pub(super) scope: &'a Scope,
    /// In a word, for others who wait for the lease: `deploy`.
    pub(super) verb: &'a str,
    pub(super) lease_wait: Duration,
    pub(super) secrets: &'a Secrets,
    pub(super) timings: bool,
}

/// How a change went on.
pub(super) enum Ready {
    /// With this plan.
    Go(Plan),
    /// There is nothing to do, or the user said no.
    Stop,
}

type Planner<'a> = &'a (dyn Fn(&Inventory) -> Result<Ready, Failure> + Sync);

impl Change<'_> {
    /// Takes the leases, has the plan made and carries it out. `planner` may show and ask.
    pub(super) async fn run(&self, program: &Program, fleet: &Fleet, planner: Planner<'_>) -> Result<Exit, Failure> {
        let world = fleet.world();
        let leased = self.lease(program, &world).await?;
        let plan = match planner(&observe::inventory_of(&leased))? {
            Ready::Go(plan) => plan,
            Ready::Stop => return Ok(Exit::Done),
        };
        let leases = held(&leased);
        let person = program.edges.person();
        let reporter = program.reporter();
        let outcome = {
            let tell = |event: Event| reporter.tell(&event);
            let run = Run {
                world: &world,
                leases: &leases,
                secrets: self.secrets,
                by: &person,
                tell: &tell,
                interrupt: program.edges.interrupt(),
            };
            apply::run(&plan, &run).await
        };
        let view = reporter.finish();
        if self.timings {
            let trips = fleet.traffic().into_iter().map(|(name, traffic)| (name, traffic.round_trips)).collect();
            program.message(&timings_view::text(&view, &trips, program.stderr_style(), None));
            for (name, traffic) in fleet.traffic() {
                program.message(&format!(
                    "{name}: {} sequential round trips, {} bytes up, {} bytes down\n",
                    traffic.round_trips, traffic.bytes_up, traffic.bytes_down
                ));
            }
        }
        match outcome {
            Ok(Outcome::Done) => Ok(Exit::Done),
            Ok(Outcome::Failed(failed)) => Err(failure(&plan, &failed)),
            Err(refused) => Err(Failure::from_error(Exit::Unchanged, &refused).hint("ship status")),
        }
    }

    async fn lease(&self, program: &Program, world: &World) -> Result<BTreeMap<HostName, Leased>, Failure> {
        let holder = format!("{} for `ship {}`", program.edges.person(), self.verb);
        let busy = |host: &HostName, who: &str| {
            program.message(&format!("{host}: waiting for the lease, which {who} holds\n"));
        };
        let asking = Asking { holder: &holder, wait: self.lease_wait, busy: &busy };
        let mut interrupt = program.edges.interrupt();
        tokio::select! {
            leased = observe::leased(world, self.scope, &asking) => leased.map_err(|error| {
                let mut failure = from_port(Exit::Unchanged, &error);
                failure.state.push("nothing was changed on any host".to_owned());
                failure
            }),
            _ = interrupt.wait_for(|value| *value) => {
                let mut failure = Failure::new(Exit::Interrupted, "interrupted");
                failure.state.push("nothing was changed on any host".to_owned());
                Err(failure)
            }
        }
    }
}

fn held(leased: &BTreeMap<HostName, Leased>) -> BTreeMap<HostName, Held> {
    leased
        .iter()
        .map(|(name, leased)| {
            let position = leased.inventory.history().map(|history| history.position.clone()).unwrap_or_default();
            (name.clone(), Held { lease: leased.lease.clone(), position })
        })
        .collect()
}

/// Why there is no plan, as the user reads it.
pub(super) fn no_plan(error: &NoPlan) -> Failure {
    let mut failure = Failure::from_error(Exit::Unchanged, error);
    failure.hints = error.hints();
    failure.state.push("nothing was changed on any host".to_owned());
    failure
}

/// A failed run, as the user reads it.
fn failure(plan: &Plan, failed: &Failed) -> Failure {
    let exit = if !failed.is_undone(plan) {
        Exit::Disagree
    } else if failed.is_interrupt() {
        Exit::Interrupted
    } else {
        Exit::OldServes
    };
    let mut failure = match failed.failures.first() {
        None => Failure::new(exit, "interrupted"),
        Some(first) => {
            let mut failure = Failure::new(exit, headline(plan, &first.host, &first.error));
            failure.causes = causes(&first.error);
            failure.output = first.error.output().to_vec();
            if let apply::StepError::Port(error) = &first.error {
                failure.hints.extend(error.hints());
            }
            failure
        }
    };
    for other in failed.failures.iter().skip(1) {
        failure.output.push(format!("{} | {}: {}", other.host, other.what, other.error.one_line()));
    }
    failure.state = failed.hosts.iter().map(|(name, after)| state(plan, failed, name, after)).collect();
    if failed.command_ran {
        failure.state.push("the release command has run; ship cannot undo what it did".to_owned());
    }
    failure.hints.extend(hints(plan, failed, exit));
    failure
}

fn headline(plan: &Plan, host: &HostName, error: &apply::StepError) -> String {
    use crate::apply::StepError;
    let release = plan.goal.release().map_or_else(|| plan.scope.to_string(), |number| number.to_string());
    match error {
        StepError::NotHealthy { .. } => format!("{release} did not become healthy on {host}"),
        StepError::Command { .. } => format!("the release command of {release} failed on {host}"),
        StepError::Port(_) | StepError::Stopped => format!("{release} could not be brought up on {host}"),
    }
}

fn causes(error: &apply::StepError) -> Vec<String> {
    let mut causes = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    causes
}

fn state(plan: &Plan, failed: &Failed, name: &HostName, after: &After) -> String {
    let release = plan.goal.release().map(|number| number.to_string()).unwrap_or_default();
    if after.lost {
        let before = plan.before.get(name).copied().flatten();
        return match before {
            Some(before) => format!(
                "{name} does not answer; unless {release} was confirmed there, ship-proxy puts {before} back by itself"
            ),
            None => format!("{name} does not answer; what it serves is not known"),
        };
    }
    let serves = match after.serves {
        Some(number) => format!("{name} serves {number}"),
        None => format!("{name} serves nothing of {}", plan.scope),
    };
    let rest = match (failed.settling, after.left.is_empty()) {
        (true, _) => String::new(),
        (false, true) => format!("; nothing of {release} is running"),
        (false, false) => format!("; not undone: {}", after.left.join("; ")),
    };
    format!("{serves}{rest}")
}

fn hints(plan: &Plan, failed: &Failed, exit: Exit) -> Vec<String> {
    let mut hints = Vec::new();
    if let (Goal::Deploy(number), Some(first)) = (plan.goal, failed.failures.first())
        && matches!(first.error, apply::StepError::NotHealthy { .. })
    {
        hints.push(format!("ship logs --release {number} --host {}", first.host));
    }
    if exit == Exit::Disagree {
        hints.push("ship status".to_owned());
    }
    hints
}
