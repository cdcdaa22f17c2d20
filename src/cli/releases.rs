//! `ship releases`: what was deployed when, and what became of it.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::diagnostic::{Exit, Failure};
use crate::name::{HostName, Scope};
use crate::release::history::History;
use crate::release::ledger;
use crate::ui::{json, releases_model, releases_view};

use super::Program;
use super::fleet::{self, Fleet};
use super::project::File;

/// `ship releases`
pub(super) async fn releases(program: &Program) -> Result<Exit, Failure> {
    let file = File::find(&program.common, &program.directory)?;
    let reach = file.reach(&program.common)?;
    let hosts = fleet::chosen(&reach.hosts, &program.common.hosts)?;
    let (fleet, missing) = Fleet::connect_some(&program.edges, &hosts).await;
    let mut histories = histories(&fleet, &reach.scope).await;
    histories.extend(missing.into_iter().map(|(name, error)| (name, Err(error.one_line()))));
    let now = program.edges.clock().wall();
    let borrowed = histories.iter().map(|(name, history)| (name.clone(), history.as_ref().map_err(Clone::clone)));
    let releases = releases_model::roll_up(&borrowed.collect(), &now);
    if program.common.json {
        program.json(&json::releases::text(&releases))?;
    } else {
        program.result(&releases_view::text(&releases, &now, program.stdout_style(), program.width()))?;
    }
    let complete = histories.values().all(Result::is_ok);
    Ok(if complete { Exit::Done } else { Exit::Disagree })
}

/// Each host's ledger, folded, or why there is none.
async fn histories(fleet: &Fleet, scope: &Scope) -> BTreeMap<HostName, Result<History, String>> {
    let reads = fleet.remotes.iter().map(|(name, remote)| async move {
        let history = match remote.host.archive.read(scope).await {
            Ok(memory) => ledger::read(&memory.ledger)
                .and_then(|lines| History::fold(&lines))
                .map_err(|damage| damage.to_string()),
            Err(error) => Err(error.one_line()),
        };
        (name.clone(), history)
    });
    join_all(reads).await.into_iter().collect()
}
