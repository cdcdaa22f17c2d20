//! `ship deploy` and `ship plan`.

use std::collections::BTreeMap;

use futures_util::future::try_join;

use crate::config::{BuildSource, Project};
use crate::diagnostic::{Exit, Failure};
use crate::inventory::Inventory;
use crate::observe;
use crate::plan::{Plan, deploy};
use crate::release::{Image, Release, Secrets, Source};
use crate::ui::plan_view;

use super::Program;
use super::args;
use super::change::{Change, Ready, no_plan};
use super::edges::WantedImage;
use super::fleet::{self, Fleet, from_port};
use super::project::File;

/// What is deployed, before it has a number.
struct Cargo {
    project: Project,
    image: Image,
    source: Source,
    secrets: Secrets,
}

/// `ship deploy`
pub(super) async fn deploy(program: &Program, arguments: &args::Deploy) -> Result<Exit, Failure> {
    let (cargo, fleet) = load(program, &arguments.image).await?;
    let change = Change {
        scope: &cargo.project.scope,
        verb: "deploy",
        lease_wait: cargo.project.deploy.lease_wait,
        secrets: &cargo.secrets,
        timings: arguments.timings,
    };
    let exit = change
        .run(program, &fleet, &|inventory| {
            let plan = plan_of(&cargo, inventory)?;
            if program.common.verbose {
                program.message(&plan_view::text(&plan, program.stderr_style()));
            }
            Ok(Ready::Go(plan))
        })
        .await?;
    for address in addresses(&cargo.project) {
        program.result(&format!("{address}\n"))?;
    }
    Ok(exit)
}

/// `ship plan`
pub(super) async fn plan(program: &Program, arguments: &args::Image) -> Result<Exit, Failure> {
    let (cargo, fleet) = load(program, arguments).await?;
    let (inventory, missing) = fleet::split(observe::look(&fleet.world(), &cargo.project.scope).await);
    if let Some((_, error)) = missing.into_iter().next() {
        return Err(from_port(Exit::Unchanged, &error));
    }
    let plan = plan_of(&cargo, &inventory)?;
    if program.common.json {
        program.json(&crate::ui::json::plan::text(&plan))?;
    } else {
        program.result(&plan_view::text(&plan, program.stdout_style()))?;
    }
    Ok(Exit::Done)
}

/// Reads the configuration and the secrets, then builds and connects at the same time: a host that does not answer ends
/// the build, and nobody waits twice.
async fn load(program: &Program, which: &args::Image) -> Result<(Cargo, Fleet), Failure> {
    let file = File::find(&program.common, &program.directory)?;
    let mut project = file.project(&program.common)?;
    if let Some(reference) = &which.image {
        project.build = BuildSource::Image(reference.clone());
    }
    let hosts = fleet::chosen(&project.hosts, &program.common.hosts)?;
    let secrets = program.edges.secrets(&file.directory, &project.secrets).await?;
    let platform = match &project.build {
        BuildSource::Dockerfile(build) => build.platform.clone(),
        BuildSource::Image(_) => None,
    };
    let reporter = program.reporter();
    let tell = |line: &str| reporter.note(line);
    let wanted = WantedImage {
        directory: &file.directory,
        source: &project.build,
        platform: platform.as_deref(),
        tag: format!("{}:latest", project.scope),
    };
    let built = program.edges.image(&wanted, &tell);
    let (image, fleet) = try_join(built, Fleet::connect(&program.edges, &hosts)).await?;
    drop(reporter);
    let source = program.edges.source(&file.directory).await;
    Ok((Cargo { project, image, source, secrets }, fleet))
}

/// Gives the cargo the next number and plans its way.
fn plan_of(cargo: &Cargo, inventory: &Inventory) -> Result<Plan, Failure> {
    let number = deploy::next_number(inventory);
    let Project { scope, spec, .. } = &cargo.project;
    let mut spec = spec.clone();
    for role in spec.roles.values_mut() {
        role.hosts.retain(|host| inventory.contains_key(host));
    }
    let release = Release {
        number,
        scope: scope.clone(),
        image: Image { reference: format!("{scope}:{number}"), ..cargo.image.clone() },
        source: cargo.source.clone(),
        spec,
        secret_names: cargo.secrets.names(),
    };
    deploy::plan(&release, inventory).map_err(|error| no_plan(&error))
}

/// Where the app answers now.
fn addresses(project: &Project) -> Vec<String> {
    let Some(routes) = &project.spec.routes else { return Vec::new() };
    let scheme = match routes.tls {
        crate::release::Tls::Off => "http",
        crate::release::Tls::Given { .. } => "https",
    };
    let path = routes.path_prefix.as_str();
    if !routes.domains.is_empty() {
        return routes.domains.iter().map(|domain| format!("{scheme}://{domain}{path}")).collect();
    }
    let role = project.spec.roles.get(&routes.role);
    let hosts: BTreeMap<_, _> =
        project.hosts.iter().filter(|(name, _)| role.is_some_and(|role| role.hosts.contains(name))).collect();
    hosts
        .values()
        .map(|host| {
            let address = if host.address.contains(':') { format!("[{}]", host.address) } else { host.address.clone() };
            format!("{scheme}://{address}{path}")
        })
        .collect()
}
