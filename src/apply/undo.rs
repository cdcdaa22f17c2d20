//! The way back: every begun action's undo in reverse order on all hosts at once. It never gives up half-way, and it
//! says what it could not undo.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::event::Event;
use crate::name::HostName;
use crate::plan::{Plan, notation};
use crate::ports::PortErrorKind;
use crate::release::ledger;

use super::explain::StepError;
use super::step::HostRun;
use super::{After, Failed, Outcome, Run, StepFailure, announces};

/// Undoes what was done on all hosts.
pub(super) async fn all(
    plan: &Plan,
    run: &Run<'_>,
    hosts: &BTreeMap<HostName, HostRun<'_>>,
    failures: Vec<StepFailure>,
) -> Outcome {
    // A host that was only stopped because of another one is not a reason.
    let failures: Vec<_> =
        failures.into_iter().filter(|failure| !matches!(failure.error, StepError::Stopped)).collect();
    let why = failures.first().map_or_else(
        || "it was interrupted".to_owned(),
        |failure| format!("{}: {}", failure.host, failure.error.one_line()),
    );
    let works = hosts.iter().map(|(name, host)| {
        let why = why.clone();
        async move { (name.clone(), one(plan, run, host, why).await) }
    });
    let left: BTreeMap<HostName, Vec<String>> = join_all(works).await.into_iter().collect();
    let mut after = look(plan, hosts).await;
    for (name, left) in left {
        if let Some(after) = after.get_mut(&name) {
            after.left = left;
        }
    }
    let command_ran = hosts.values().any(HostRun::ran_command);
    Outcome::Failed(Box::new(Failed { failures, hosts: after, settling: false, command_ran }))
}

async fn one(plan: &Plan, run: &Run<'_>, host: &HostRun<'_>, why: String) -> Vec<String> {
    let mut left = Vec::new();
    let undos: Vec<_> = host.begun_last_first().iter().filter_map(crate::plan::action::Action::undo).collect();
    if undos.is_empty() && !host.announced() {
        return left;
    }
    (run.tell)(Event::UndoStarted { host: host.name.clone() });
    for undo in undos {
        if let Err(error) = host.act(&undo, host.next_step()).await {
            left.push(format!("{}: {}", notation::words(&undo), error.one_line()));
        }
    }
    if let Some(number) = announces(plan.goal)
        && host.announced()
        && let Err(error) = host.append(&[(number, ledger::Event::Failed { why })]).await
    {
        left.push(format!("record the failure: {}", error.one_line()));
    }
    (run.tell)(Event::UndoDone { host: host.name.clone(), left: left.clone() });
    left
}

/// What serves on each host now, by asking.
pub(super) async fn look(plan: &Plan, hosts: &BTreeMap<HostName, HostRun<'_>>) -> BTreeMap<HostName, After> {
    let works = hosts.iter().map(|(name, host)| async move {
        let before = plan.before.get(name).copied().flatten();
        let after = match host.host.router.view(&plan.scope).await {
            Ok(Some(proxy)) => {
                // An app without a route is served by its containers, which the undo left as they were.
                let serves = proxy.route.map(|route| route.on_probation_from.unwrap_or(route.release));
                After { serves: serves.or(before), lost: false, left: Vec::new() }
            }
            Ok(None) => After { serves: before, lost: false, left: Vec::new() },
            Err(error) => {
                After { serves: before, lost: error.kind == PortErrorKind::Lost, left: vec![error.one_line()] }
            }
        };
        (name.clone(), after)
    });
    join_all(works).await.into_iter().collect()
}
