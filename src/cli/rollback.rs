//! `ship rollback`. It needs nothing of `ship.toml` but the hosts, so that it works when everything else is broken.

use std::time::Duration;

use crate::diagnostic::{Exit, Failure};
use crate::plan::rollback;
use crate::release::Secrets;
use crate::ui::plan_view;

use super::Program;
use super::args;
use super::change::{Change, Ready, no_plan};
use super::fleet::{self, Fleet};
use super::project::File;

/// How long a rollback waits for someone else's lease.
const LEASE_WAIT: Duration = Duration::from_secs(30);

/// `ship rollback`
pub(super) async fn rollback(program: &Program, arguments: &args::Rollback) -> Result<Exit, Failure> {
    let file = File::find(&program.common, &program.directory)?;
    let reach = file.reach(&program.common)?;
    let hosts = fleet::chosen(&reach.hosts, &program.common.hosts)?;
    let fleet = Fleet::connect(&program.edges, &hosts).await?;
    let secrets = Secrets::new();
    let change = Change {
        scope: &reach.scope,
        verb: "rollback",
        lease_wait: LEASE_WAIT,
        secrets: &secrets,
        timings: arguments.timings,
    };
    change
        .run(program, &fleet, &|inventory| {
            let number = match (arguments.release, inventory.keys().next()) {
                (Some(number), _) => number,
                (None, Some(first)) => rollback::previous(first, inventory).map_err(|error| no_plan(&error))?,
                (None, None) => return Ok(Ready::Stop),
            };
            let plan = rollback::plan(&reach.scope, number, inventory).map_err(|error| no_plan(&error))?;
            if program.common.verbose {
                program.message(&plan_view::text(&plan, program.stderr_style()));
            }
            Ok(Ready::Go(plan))
        })
        .await
}
