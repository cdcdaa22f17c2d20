//! A project as text, with every default spelled out (`ship config`). The text is a `ship.toml` again and means the same
//! project; the JSON has the same keys. Of a secret both say where its value comes from, since that is all a project
//! knows of it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Number, Value, json};

use super::elements::{cpus, duration, memory};
use super::reader::{bare_or_quoted, quoted};
use super::{Build, BuildSource, Host, Project, SecretSource, keys};
use crate::name::EnvironmentName;
use crate::release::{Health, Mount, MountSource, Role, Routes, TLS_KEY, Tls};

/// Tables that read best on one line.
const INLINE: &[&str] = &["proxy.tls", "volumes.*", "secrets.*"];

/// For programs: the keys of `ship.toml`, and beside them `environment` and `environments`.
pub fn json(project: &Project) -> Value {
    let mut tree = tree(project);
    tree.insert("environment".to_owned(), json!(project.scope.environment));
    tree.insert("environments".to_owned(), json!(project.environments));
    Value::Object(tree)
}

/// For people: a `ship.toml`.
pub fn toml(project: &Project) -> String {
    let environments: Vec<&str> = project.environments.iter().map(EnvironmentName::as_str).collect();
    let mut text = format!("# environment: {} (of {})\n", project.scope.environment, environments.join(", "));
    write_table(&mut text, &tree(project), &Place::default());
    text
}

fn tree(project: &Project) -> Map<String, Value> {
    let spec = &project.spec;
    let mut tree = Map::new();
    let mut put = |key: &str, value: Value| tree.insert(key.to_owned(), value);
    put("app", json!(project.scope.app));
    put("keep", json!(spec.keep));
    match &project.build {
        BuildSource::Image(image) => put("image", json!(image)),
        BuildSource::Dockerfile(source) => put("build", build(source)),
    };
    put("hosts", named(&project.hosts, host));
    put("roles", named(&spec.roles, role));
    if let Some(routes) = &spec.routes {
        put("proxy", proxy(routes, project));
    }
    put("volumes", spec.volumes.iter().enumerate().map(volume).collect::<Map<_, _>>().into());
    put("env", json!(spec.env));
    let secrets = project.secrets.iter().filter(|(name, _)| *name != TLS_KEY);
    put("secrets", secrets.map(|(name, source)| (name.clone(), secret(source))).collect::<Map<_, _>>().into());
    for (key, command) in [("release", &spec.release_command), ("console", &spec.console_command)] {
        if let Some(command) = command {
            put(key, json!({ "command": command }));
        }
    }
    let deploy = &project.deploy;
    let deploy = json!({
        "lease_wait": duration::written(deploy.lease_wait),
    });
    put("deploy", deploy);
    tree
}

fn named<K: ToString, V>(all: &BTreeMap<K, V>, each: impl Fn(&V) -> Value) -> Value {
    all.iter().map(|(name, value)| (name.to_string(), each(value))).collect::<Map<_, _>>().into()
}

/// A table of what there is: `null` stands for what was not said.
fn said(mut table: Value) -> Value {
    if let Some(table) = table.as_object_mut() {
        table.retain(|_, value| !value.is_null());
    }
    table
}

fn path(path: &Path) -> Value {
    json!(path.to_string_lossy())
}

fn build(build: &Build) -> Value {
    // Seen from the context again, as the file has it.
    let dockerfile = build.dockerfile.strip_prefix(&build.context).unwrap_or(&build.dockerfile);
    said(json!({
        "context": path(&build.context),
        "dockerfile": path(dockerfile),
        "args": build.args,
        "target": build.target,
        "platform": build.platform,
    }))
}

fn host(host: &Host) -> Value {
    said(json!({
        "address": host.address,
        "user": host.user,
        "port": host.port,
        "fingerprint": host.fingerprint,
    }))
}

fn role(role: &Role) -> Value {
    said(json!({
        "hosts": role.hosts,
        "command": role.command,
        "replicas": role.replicas,
        "port": role.port,
        "memory": role.memory.map(memory::written),
        "cpus": role.millicpus.and_then(|millicpus| cpus::written(millicpus).parse::<Number>().ok()),
        "user": role.user,
        "stop_signal": role.stop_signal,
        "stop_timeout": duration::written(role.stop_timeout),
        "env": role.env,
        "health": health(&role.health),
    }))
}

fn health(health: &Health) -> Value {
    match health {
        Health::Http { path, interval, timeout, deadline } => json!({
            "path": path,
            "interval": duration::written(*interval),
            "timeout": duration::written(*timeout),
            "deadline": duration::written(*deadline),
        }),
        Health::Command { command, interval, deadline } => json!({
            "command": command,
            "interval": duration::written(*interval),
            "deadline": duration::written(*deadline),
        }),
        Health::StaysUp { span } => json!({ "stays_up": duration::written(*span) }),
    }
}

fn proxy(routes: &Routes, project: &Project) -> Value {
    let tls = match (&routes.tls, &project.certificate, project.secrets.get(TLS_KEY)) {
        (Tls::Given { .. }, Some(certificate), Some(SecretSource::File(key))) => {
            json!({ "certificate": path(certificate), "key": path(key) })
        }
        _ => json!("off"),
    };
    json!({
        "role": routes.role,
        "domains": routes.domains,
        "path_prefix": routes.path_prefix,
        "strip_prefix": routes.strip_prefix,
        "tls": tls,
        "drain": duration::written(routes.drain),
        "response_timeout": duration::written(routes.response_timeout),
    })
}

/// A directory of the host has no name in a release, so it gets a number here.
fn volume((index, mount): (usize, &Mount)) -> (String, Value) {
    match &mount.source {
        MountSource::Volume(name) => (name.to_string(), json!({ "path": mount.target, "read_only": mount.read_only })),
        MountSource::Directory(from) => (
            format!("directory-{}", index + 1),
            json!({ "path": mount.target, "from": from, "read_only": mount.read_only }),
        ),
    }
}

fn secret(source: &SecretSource) -> Value {
    match source {
        SecretSource::File(file) => json!({ "file": path(file) }),
        SecretSource::Env(name) => json!({ "env": name }),
        SecretSource::Command(command) => json!({ "command": command }),
    }
}

/// Where a table stands: as it is written, and as [`keys`] calls it.
#[derive(Default)]
struct Place {
    written: String,
    pattern: String,
}

impl Place {
    fn child(&self, key: &str) -> Self {
        let written = bare_or_quoted(key);
        let written = if self.written.is_empty() { written } else { format!("{}.{written}", self.written) };
        Self { written, pattern: keys::child(&self.pattern, key).unwrap_or_default() }
    }

    fn is_inline(&self) -> bool {
        INLINE.contains(&self.pattern.as_str())
    }
}

/// Values first, then the tables below; keys in the order in which [`keys`] has them.
fn write_table(text: &mut String, table: &Map<String, Value>, place: &Place) {
    let position = |key: &str| keys::children(&place.pattern).position(|known| known == key);
    let mut entries: Vec<(&String, &Value)> = table.iter().collect();
    entries.sort_by_key(|(key, _)| position(key));
    let (below, values): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|(key, value)| value.is_object() && !place.child(key).is_inline());
    if !values.is_empty() && !place.written.is_empty() {
        text.extend(["\n[", &place.written, "]\n"]);
    }
    for (key, value) in values {
        text.extend([&bare_or_quoted(key), " = ", &written(value), "\n"]);
    }
    for (key, value) in below {
        if let Some(table) = value.as_object() {
            write_table(text, table, &place.child(key));
        }
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        Value::Object(table) => {
            let entries = table.iter().map(|(key, value)| format!("{} = {}", bare_or_quoted(key), written(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
