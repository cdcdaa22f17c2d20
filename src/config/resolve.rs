//! From text to [`Project`]. Every environment of the file is read, not only the one that is asked for, so that a
//! slip in `staging` shows before the day on which staging is needed.

use std::collections::BTreeMap;

use super::document::Document;
use super::elements::{command, number, text};
use super::reader::{Complaint, Problems, Table};
use super::sections::{build, deploy, env, hosts, proxy, roles, secrets, volumes};
use super::{Host, Problem, Project, SecretSource};
use crate::name::{AppName, EnvironmentName, HostName, Scope};
use crate::release::{Spec, TLS_KEY};

/// How many releases a host keeps beside the live one.
const KEEP: u32 = 5;

/// What the text means for one environment ([`super::DEFAULT_ENVIRONMENT`] if none is named), or everything that is
/// wrong with it. `file_name` is only for the problems.
pub fn resolve(text: &str, file_name: &str, environment: Option<&EnvironmentName>) -> Result<Project, Vec<Problem>> {
    let document = Document::parse(text, file_name)?;
    let mut problems = document.problems.clone();
    let asked = document.choose(environment).map_err(|problem| problems.push(*problem)).ok();
    let environments = document.environments();
    let mut project = None;
    for name in asked.iter().chain(environments.iter().filter(|name| Some(*name) != asked.as_ref())) {
        let notes = Problems::default();
        let tree = document.tree(name);
        let resolved = self::project(&Table::root(&tree, &notes), name, &environments);
        let only_here = (Some(name) != asked.as_ref()).then_some(name);
        for found in notes.into_found() {
            let problem = document.problem(found, only_here);
            if !problems.iter().any(|other| same(other, &problem)) {
                problems.push(problem);
            }
        }
        project = project.or(resolved);
    }
    problems.sort_by_key(|problem| problem.place.as_ref().map(|place| (place.line, place.column)));
    project.filter(|_| problems.is_empty()).ok_or(problems)
}

/// What is needed to reach the hosts of an app, and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// App and environment.
    pub scope: Scope,
    /// The servers; at least one.
    pub hosts: BTreeMap<HostName, Host>,
}

/// The hosts alone, whatever is wrong with the rest of the file: a rollback is what one wants when something is wrong,
/// and it needs nothing else of the configuration.
pub fn reach(text: &str, file_name: &str, environment: Option<&EnvironmentName>) -> Result<Reach, Vec<Problem>> {
    let needed = |section: &str| ["", "hosts", "environments"].iter().any(|table| is_in(section, table));
    let document = Document::parse_around(text, file_name, |section| !needed(section))?;
    let environment = document.choose(environment).map_err(|problem| vec![*problem])?;
    let tree = document.tree(&environment);
    let notes = Problems::default();
    let root = Table::root(&tree, &notes);
    let (app, hosts) = (app(&root), hosts::read(&root));
    let found = notes.into_found().into_iter().filter(|found| is_in(&found.key, "app") || is_in(&found.key, "hosts"));
    let problems: Vec<Problem> = found.map(|found| document.problem(found, None)).collect();
    let reach = app.map(|app| Reach { scope: Scope { app, environment }, hosts });
    reach.filter(|_| problems.is_empty()).ok_or(problems)
}

/// Whether a dotted path is `table` or something below it; the empty table is the top level alone.
fn is_in(path: &str, table: &str) -> bool {
    path.split(['.', ']', ' ']).next() == Some(table)
}

/// The same thing, seen in two environments.
fn same(one: &Problem, other: &Problem) -> bool {
    (&one.place, &one.key, &one.message) == (&other.place, &other.key, &other.message)
}

/// The whole project as one table says it. What is wrong went to the table's notes; where it was, something stands in
/// its place that nobody will see.
fn project(root: &Table<'_>, environment: &EnvironmentName, environments: &[EnvironmentName]) -> Option<Project> {
    let app = app(root);
    let hosts = hosts::read(root);
    let mut secrets = secrets::read(root);
    let role_names = roles::names(root);
    let takes_requests = proxy::role(root, &role_names);
    let host_names: Vec<HostName> = hosts.keys().cloned().collect();
    let around = roles::Around { hosts: &host_names, secrets: &secrets, takes_requests: takes_requests.as_ref() };
    let roles = roles::read(root, &around);
    let env = env::read(root, &secrets);
    let command_of = |table: &str| root.table(table).and_then(|table| table.read("command", command::command));
    let proxy = proxy::read(root, takes_requests);
    let spec = Spec {
        roles,
        env,
        volumes: volumes::read(root),
        release_command: command_of("release"),
        console_command: command_of("console"),
        routes: proxy.routes,
        keep: root.read("keep", number::whole(1, 100)).unwrap_or(KEEP),
    };
    let build = build::read(root);
    let deploy = deploy::read(root);
    let (certificate, key) = proxy.certificate.map(|files| (files.certificate, files.key)).unzip();
    secrets.extend(key.map(|key| (TLS_KEY.to_owned(), SecretSource::File(key))));
    let scope = Scope { app: app?, environment: environment.clone() };
    Some(Project { scope, environments: environments.to_vec(), build, hosts, spec, certificate, secrets, deploy })
}

fn app(root: &Table<'_>) -> Option<AppName> {
    if root.get("app").is_none() {
        let hint = "write app = \"blog\" as the first line";
        root.missing("app", Complaint::new("the app has no name").hint(hint));
    }
    root.read("app", text::name)
}
