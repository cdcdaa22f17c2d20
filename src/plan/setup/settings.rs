//! Docker's `daemon.json`: what ship wants in it, merged into what is there without losing a word of it.

use serde_json::{Map, Value};

use super::facts::{Docker, Engine, ServerFacts, Settings};
use super::problem::Problem;
use super::step::{Apply, SetupStep};

/// What a server without settings gets.
const WANTED: &str = include_str!("../../../config/host/daemon.json");
const PATH: &str = "/etc/docker/daemon.json";

/// The step that the settings need, if any.
pub(super) fn step(facts: &ServerFacts) -> Result<Option<SetupStep>, Problem> {
    let engine = match &facts.docker {
        Docker::Installed(engine) => Some(engine),
        Docker::Missing | Docker::Foreign(_) => None,
    };
    let before = read(&facts.settings)?;
    let (after, adds) = merge(&before, engine.is_some_and(|engine| engine.swarm))?;
    let keeps_containers = after.get("live-restore") == Some(&Value::Bool(true));
    let behind = engine.is_some_and(|engine| engine.running && keeps_containers && !engine.live_restore);
    if adds.is_empty() && !facts.settings_pending && !behind {
        return Ok(None);
    }
    let only_live_restore = !facts.settings_pending && adds.iter().all(|key| *key == "live-restore");
    let apply = apply(engine, only_live_restore, keeps_containers);
    Ok(Some(SetupStep::DockerSettings { text: format!("{:#}\n", Value::Object(after)), adds, apply }))
}

fn apply(engine: Option<&Engine>, only_live_restore: bool, keeps_containers: bool) -> Apply {
    match engine {
        Some(engine) if engine.running => match (engine.containers_running, only_live_restore, keeps_containers) {
            (_, true, true) => Apply::Reload,
            (0, ..) => Apply::Restart,
            (_, false, true) => Apply::ReloadThenRestart,
            (.., false) => Apply::NotNow,
        },
        _ => Apply::AtStart,
    }
}

fn read(settings: &Settings) -> Result<Map<String, Value>, Problem> {
    let text = match settings {
        Settings::Text(text) if !text.trim().is_empty() => text,
        // An account that may not read it cannot change it either: the plan asks for root.
        _ => return Ok(Map::new()),
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(bad("expected an object, `{ … }`")),
        Err(error) => Err(bad(&error.to_string())),
    }
}

fn bad(why: &str) -> Problem {
    Problem::Settings { path: PATH, why: why.to_owned() }
}

/// The merged settings and the keys that were added. A key that someone set is theirs.
fn merge(before: &Map<String, Value>, swarm: bool) -> Result<(Map<String, Value>, Vec<&'static str>), Problem> {
    let wanted: Map<String, Value> = serde_json::from_str(WANTED).map_err(|error| bad(&error.to_string()))?;
    let mut after = before.clone();
    let mut adds = Vec::new();
    if !swarm {
        adds.extend(add(&mut after, "live-restore", wanted.get("live-restore")));
    }
    let driver = before.get("log-driver").and_then(Value::as_str);
    if driver.is_none_or(|driver| driver == "json-file") {
        let limits = after.entry("log-opts").or_insert_with(|| Value::Object(Map::new()));
        let limits = limits.as_object_mut().ok_or_else(|| bad("`log-opts` must be an object"))?;
        let of = |key| wanted.get("log-opts").and_then(|limits| limits.get(key));
        let added: Vec<_> = ["max-size", "max-file"].into_iter().filter_map(|key| add(limits, key, of(key))).collect();
        // It is Docker's default; said only where limits are added that belong to it.
        if !added.is_empty() {
            adds.extend(added);
            adds.extend(add(&mut after, "log-driver", wanted.get("log-driver")));
        }
    }
    Ok((after, adds))
}

/// Adds a key that is missing, and answers it.
fn add(map: &mut Map<String, Value>, key: &'static str, value: Option<&Value>) -> Option<&'static str> {
    let value = value.filter(|_| !map.contains_key(key))?;
    map.insert(key.to_owned(), value.clone());
    Some(key)
}
