//! `ship audit`: who ran what in production.

use futures_util::future::join_all;

use crate::diagnostic::{Exit, Failure};
use crate::ui::audit_view::{self, Audit};
use crate::ui::json;

use super::Program;
use super::fleet::{self, Fleet, from_port};
use super::project::File;

/// `ship audit`
pub(super) async fn audit(program: &Program) -> Result<Exit, Failure> {
    let file = File::find(&program.common, &program.directory)?;
    let reach = file.reach(&program.common)?;
    let hosts = fleet::chosen(&reach.hosts, &program.common.hosts)?;
    let fleet = Fleet::connect(&program.edges, &hosts).await?;
    let reads = fleet
        .remotes
        .iter()
        .map(|(name, remote)| async { (name.clone(), remote.host.archive.audit(&reach.scope).await) });
    let mut audit = Audit::default();
    for (name, lines) in join_all(reads).await {
        audit.add(&name, &lines.map_err(|error| from_port(Exit::Unchanged, &error))?);
    }
    if program.common.json {
        program.json(&json::audit::text(&audit))?;
    } else {
        let now = program.edges.clock().wall();
        program.result(&audit_view::text(&audit, &now, program.stdout_style(), program.width()))?;
    }
    Ok(Exit::Done)
}
