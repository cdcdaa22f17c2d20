//! From a release to the containers that it has on a host: names, environment, mounts. Deploy, rollback and the release
//! command make them the same way, so that a rollback cannot differ from the deploy that it restores.

use crate::name::{HostName, RoleName, Scope, VolumeName};
use crate::release::{Health, MountSource, Release, Role, TLS_KEY};

use super::action::ContainerSpec;

/// The network of an app on a host.
pub fn network(scope: &Scope) -> String {
    scope.to_string()
}

/// A named volume as the host knows it.
pub fn volume(scope: &Scope, name: &VolumeName) -> String {
    format!("{scope}-{name}")
}

/// All containers of a release on a host, in order of role and replica.
pub fn of_host(release: &Release, host: &HostName) -> Vec<ContainerSpec> {
    roles_of(release, host)
        .flat_map(|(name, role)| (1..=role.replicas).map(move |replica| spec(release, name, role, replica)))
        .collect()
}

/// The roles of a release that a host runs.
pub fn roles_of<'a>(release: &'a Release, host: &'a HostName) -> impl Iterator<Item = (&'a RoleName, &'a Role)> {
    release.spec.roles.iter().filter(move |(_, role)| role.hosts.contains(host))
}

/// The containers of one role of a release, by name.
pub fn names(release: &Release, role: &RoleName) -> Vec<String> {
    let replicas = release.spec.roles.get(role).map_or(0, |role| role.replicas);
    (1..=replicas).map(|replica| name(release, role, replica)).collect()
}

/// The container in which the release command runs: the primary role's, with another command.
pub fn once(release: &Release, command: &[String]) -> Option<ContainerSpec> {
    let name = release.spec.primary()?;
    let role = release.spec.roles.get(name)?;
    let base = spec(release, name, role, 1);
    Some(ContainerSpec {
        name: format!("{}-release-{}", release.scope, release.number),
        command: Some(command.to_vec()),
        ..base
    })
}

/// The role's health, if it is found out by looking at the container and not by asking it over HTTP.
pub fn watched_health(role: &Role) -> Option<&Health> {
    match &role.health {
        Health::Http { .. } => None,
        other => Some(other),
    }
}

fn name(release: &Release, role: &RoleName, replica: u16) -> String {
    format!("{}-{role}-{}-{replica}", release.scope, release.number)
}

fn spec(release: &Release, role_name: &RoleName, role: &Role, replica: u16) -> ContainerSpec {
    let mut env = release.spec.env.clone();
    env.extend(role.env.clone());
    ContainerSpec {
        name: name(release, role_name, replica),
        scope: release.scope.clone(),
        role: role_name.clone(),
        release: release.number,
        replica,
        image: release.image.reference.clone(),
        command: role.command.clone(),
        env,
        secret_names: release.secret_names.iter().filter(|name| *name != TLS_KEY).cloned().collect(),
        mounts: release.spec.volumes.clone(),
        network: network(&release.scope),
        memory: role.memory,
        millicpus: role.millicpus,
        stop_signal: role.stop_signal.clone(),
        stop_timeout: role.stop_timeout,
        user: role.user.clone(),
    }
}

/// The named volumes of a release.
pub fn volumes(release: &Release) -> impl Iterator<Item = (String, &str)> {
    release.spec.volumes.iter().filter_map(|mount| match &mount.source {
        MountSource::Volume(name) => Some((volume(&release.scope, name), mount.target.as_str())),
        MountSource::Directory(_) => None,
    })
}
