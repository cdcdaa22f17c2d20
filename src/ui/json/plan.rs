//! A plan for scripts: the same words as for people, by wave, host and stage.

use std::collections::BTreeMap;

use serde::Serialize;

use super::VERSION;
use super::event::goal_name;
use crate::plan::notation::words_after;
use crate::plan::{Plan, Wave};

#[derive(Serialize)]
struct Shape<'a> {
    v: u32,
    app: &'a str,
    environment: &'a str,
    goal: &'static str,
    release: Option<String>,
    before: BTreeMap<&'a str, Option<String>>,
    waves: Vec<Hosts<'a>>,
    settle: Hosts<'a>,
}

/// Hosts, each with its stages, each with the words of its actions.
type Hosts<'a> = BTreeMap<&'a str, Vec<Vec<String>>>;

/// The plan as an object, with its end.
pub fn text(plan: &Plan) -> String {
    let before = plan.before.iter().map(|(host, number)| (host.as_str(), number.map(|number| number.to_string())));
    super::pretty(&Shape {
        v: VERSION,
        app: plan.scope.app.as_str(),
        environment: plan.scope.environment.as_str(),
        goal: goal_name(plan.goal),
        release: plan.goal.release().map(|number| number.to_string()),
        before: before.collect(),
        waves: plan.waves.iter().map(|wave| hosts(plan, wave)).collect(),
        settle: hosts(plan, &plan.settle),
    })
}

fn hosts<'a>(plan: &Plan, wave: &'a Wave) -> Hosts<'a> {
    let stages = |(host, stages): (&'a crate::name::HostName, &Vec<crate::plan::Stage>)| {
        let before = plan.before.get(host).copied().flatten();
        let words = stages.iter().map(|stage| stage.0.iter().map(|action| words_after(action, before)).collect());
        (host.as_str(), words.collect())
    };
    wave.hosts.iter().map(stages).collect()
}
