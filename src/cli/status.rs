//! `ship status`: what was meant beside what is.

use crate::diagnostic::{Exit, Failure};
use crate::observe;
use crate::ports::PortErrorKind;
use crate::ui::status_model::{self, Seen};
use crate::ui::{json, status_view};

use super::Program;
use super::fleet::{self, Fleet};
use super::project::File;

/// `ship status`
pub(super) async fn status(program: &Program) -> Result<Exit, Failure> {
    let file = File::find(&program.common, &program.directory)?;
    let reach = file.reach(&program.common)?;
    let hosts = fleet::chosen(&reach.hosts, &program.common.hosts)?;
    let (fleet, mut missing) = Fleet::connect_some(&program.edges, &hosts).await;
    let (inventory, more) = fleet::split(observe::look(&fleet.world(), &reach.scope).await);
    missing.extend(more);
    let mut seen: std::collections::BTreeMap<_, _> =
        inventory.iter().map(|(name, host)| (name.clone(), Seen::Host(host))).collect();
    seen.extend(missing.into_iter().map(|(name, error)| {
        let words = error.one_line();
        // The engine or ship's directory is not there, but the host answers.
        let what = if error.kind == PortErrorKind::Missing {
            Seen::NotSetUp(words)
        } else {
            Seen::Unreachable { why: words, hint: error.hints.first().cloned() }
        };
        (name, what)
    }));
    let status = status_model::status(&reach.scope, &seen);
    if program.common.json {
        program.json(&json::status::text(&status))?;
    } else {
        program.result(&status_view::text(&status, program.stdout_style(), program.width()))?;
    }
    Ok(if status.agrees() { Exit::Done } else { Exit::Disagree })
}
