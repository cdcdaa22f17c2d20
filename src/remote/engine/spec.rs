//! A container's specification as the engine takes it, and the labels by which everything is found again.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, HostConfigLogConfig, NetworkingConfig,
    RestartPolicy, RestartPolicyNameEnum,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::inventory::Labels;
use crate::name::Scope;
use crate::plan::action::ContainerSpec;
use crate::plan::container;
use crate::release::{Mount, MountSource, Secrets};

const APP: &str = "ship.app";
const ENVIRONMENT: &str = "ship.environment";
const ROLE: &str = "ship.role";
const RELEASE: &str = "ship.release";
const REPLICA: &str = "ship.replica";
/// What a container that runs once runs for; such a container is no replica.
pub(super) const ONCE: &str = "ship.once";
/// Digest of all that a container was made from: tells whether one of that name is the one that is wanted.
pub(super) const SPEC: &str = "ship.spec";

/// A secret that a specification names and that nobody gave.
#[derive(Debug, thiserror::Error)]
#[error("there is no value for the secret {0}")]
pub(super) struct NoSecret(String);

/// The labels of everything that belongs to an app.
pub(super) fn scope_labels(scope: &Scope) -> BTreeMap<String, String> {
    BTreeMap::from([(APP.to_owned(), scope.app.to_string()), (ENVIRONMENT.to_owned(), scope.environment.to_string())])
}

/// A filter of the Engine API for everything that belongs to an app.
pub(super) fn scope_filter(scope: &Scope) -> HashMap<String, Vec<String>> {
    let labels = scope_labels(scope).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    HashMap::from([("label".to_owned(), labels)])
}

/// To whom a container belongs; `None` for one that is no replica or was not made by ship.
pub(super) fn labels(of: &HashMap<String, String>) -> Option<Labels> {
    if of.contains_key(ONCE) {
        return None;
    }
    Some(Labels {
        app: of.get(APP)?.parse().ok()?,
        environment: of.get(ENVIRONMENT)?.parse().ok()?,
        role: of.get(ROLE)?.parse().ok()?,
        release: of.get(RELEASE)?.parse().ok()?,
        replica: of.get(REPLICA)?.parse().ok()?,
    })
}

/// What the engine is asked to make. `log_driver` is the engine's own default.
pub(super) fn create_body(
    spec: &ContainerSpec,
    secrets: &Secrets,
    log_driver: &str,
) -> Result<ContainerCreateBody, NoSecret> {
    let mut body = ContainerCreateBody {
        image: Some(spec.image.clone()),
        cmd: spec.command.clone(),
        env: Some(environment(spec, secrets)?),
        user: spec.user.clone(),
        stop_signal: spec.stop_signal.clone(),
        stop_timeout: Some(i64::try_from(spec.stop_timeout.as_millis().div_ceil(1000)).unwrap_or(i64::MAX)),
        host_config: Some(host_config(spec, log_driver)),
        ..ContainerCreateBody::default()
    };
    let mut labels = scope_labels(&spec.scope);
    labels.insert(ROLE.to_owned(), spec.role.to_string());
    labels.insert(RELEASE.to_owned(), spec.release.to_string());
    labels.insert(REPLICA.to_owned(), spec.replica.to_string());
    body.labels = Some(labels.into_iter().collect());
    let digest = digest(&body);
    body.labels.get_or_insert_default().insert(SPEC.to_owned(), digest);
    Ok(body)
}

/// Joins the network at an address that stays.
pub(super) fn with_address(network: &str, address: Ipv4Addr) -> NetworkingConfig {
    let ipam_config = EndpointIpamConfig { ipv4_address: Some(address.to_string()), ..EndpointIpamConfig::default() };
    let endpoint = EndpointSettings { ipam_config: Some(ipam_config), ..EndpointSettings::default() };
    NetworkingConfig { endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])) }
}

/// `NAME=value` in order of the names. A secret wins over a plain value of its name; values go as they are.
fn environment(spec: &ContainerSpec, secrets: &Secrets) -> Result<Vec<String>, NoSecret> {
    let mut values: BTreeMap<&str, &str> =
        spec.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for name in &spec.secret_names {
        values.insert(name, secrets.get(name).ok_or_else(|| NoSecret(name.clone()))?);
    }
    Ok(values.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
}

fn host_config(spec: &ContainerSpec, log_driver: &str) -> HostConfig {
    let memory = spec.memory.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    HostConfig {
        binds: Some(spec.mounts.iter().map(|mount| bind(&spec.scope, mount)).collect()),
        network_mode: Some(spec.network.clone()),
        memory,
        // The same limit for memory and swap together: no swap. An app that swaps is slower than one that is killed.
        memory_swap: memory,
        nano_cpus: spec.millicpus.map(|millis| i64::from(millis) * 1_000_000),
        restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), maximum_retry_count: None }),
        log_config: log_config(log_driver),
        ..HostConfig::default()
    }
}

/// Logs are limited with the drivers that keep files; what another driver does is its own business.
fn log_config(driver: &str) -> Option<HostConfigLogConfig> {
    let limits = [("max-size", "10m"), ("max-file", "3")];
    matches!(driver, "json-file" | "local").then(|| HostConfigLogConfig {
        typ: Some(driver.to_owned()),
        config: Some(limits.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
    })
}

fn bind(scope: &Scope, mount: &Mount) -> String {
    let source = match &mount.source {
        MountSource::Volume(name) => container::volume(scope, name),
        MountSource::Directory(path) => path.clone(),
    };
    let read_only = if mount.read_only { ":ro" } else { "" };
    format!("{source}:{}{read_only}", mount.target)
}

/// Digest of a body in a form that does not depend on the order of maps.
fn digest(body: &ContainerCreateBody) -> String {
    let mut text = String::new();
    canonical(&serde_json::to_value(body).unwrap_or_default(), &mut text);
    Sha256::digest(text.as_bytes()).iter().fold(String::from("sha256:"), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().filter(|(_, value)| !value.is_null()).collect();
            text.push('{');
            for (name, value) in sorted {
                let _ = write!(text, "{}:", Value::from(name.as_str()));
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for value in values {
                canonical(value, text);
                text.push(',');
            }
            text.push(']');
        }
        plain => {
            let _ = write!(text, "{plain}");
        }
    }
}
