//! `ship remove`: takes the app off its hosts and says before what is lost.

use std::time::Duration;

use crate::diagnostic::{Exit, Failure};
use crate::plan::{notation, remove};
use crate::release::Secrets;
use crate::ui::plan_view;
use crate::ui::prompt::{Prompt, Question};

use super::Program;
use super::args;
use super::change::{Change, Ready};
use super::fleet::{self, Fleet};
use super::project::File;

/// How long it waits for someone else's lease.
const LEASE_WAIT: Duration = Duration::from_secs(30);

/// `ship remove`
pub(super) async fn remove(program: &Program, arguments: &args::Remove) -> Result<Exit, Failure> {
    let file = File::find(&program.common, &program.directory)?;
    let reach = file.reach(&program.common)?;
    let hosts = fleet::chosen(&reach.hosts, &program.common.hosts)?;
    let fleet = Fleet::connect(&program.edges, &hosts).await?;
    let volumes = if arguments.volumes { remove::Volumes::Remove } else { remove::Volumes::Keep };
    let secrets = Secrets::new();
    let change =
        Change { scope: &reach.scope, verb: "remove", lease_wait: LEASE_WAIT, secrets: &secrets, timings: false };
    change
        .run(program, &fleet, &|inventory| {
            let plan = remove::plan(&reach.scope, inventory, volumes);
            program.message(&plan_view::text(&plan, program.stderr_style()));
            if !arguments.yes {
                let names: Vec<&str> = inventory.keys().map(crate::name::HostName::as_str).collect();
                let question = Question {
                    what: format!("remove {} from {}", reach.scope, names.join(", ")),
                    lost: lost(&plan, inventory, volumes),
                };
                Prompt::standard(program.stderr_style())
                    .confirm(&question)
                    .map_err(|error| Failure::from_hint(Exit::Unchanged, &error))?;
            }
            Ok(Ready::Go(plan))
        })
        .await
}

/// What no command brings back.
fn lost(plan: &crate::plan::Plan, inventory: &crate::inventory::Inventory, volumes: remove::Volumes) -> Vec<String> {
    let mut lost: Vec<String> = inventory
        .iter()
        .filter(|(_, host)| host.history().is_none_or(|history| !history.releases.is_empty()))
        .map(|(name, _)| format!("the ledger, records and secrets of {} on {name}: no rollback any more", plan.scope))
        .collect();
    lost.extend(notation::lost(plan));
    if volumes == remove::Volumes::Keep {
        for (name, host) in inventory {
            let kept: Vec<String> = remove::volumes_of(&plan.scope, host).collect();
            if !kept.is_empty() {
                lost.push(format!("nothing of the volumes on {name}: {} stay", kept.join(", ")));
            }
        }
    }
    lost
}
