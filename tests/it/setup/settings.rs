//! Docker's settings: merged into what is there, and taken by Docker at the smallest cost to what runs.

use serde_json::{Value, json};
use ship::plan::setup::{Apply, ServerFacts, Settings, SetupStep, plan};

use super::{ready, wanted, with_engine};

fn with_settings(settings: &Value) -> ServerFacts {
    ServerFacts { settings: Settings::Text(settings.to_string()), ..ready() }
}

/// The settings that the plan writes and how Docker takes them; `None` if it leaves them alone.
fn planned(facts: &ServerFacts) -> Option<(Value, Apply)> {
    plan(facts, &wanted()).unwrap().into_iter().find_map(|step| match step {
        SetupStep::DockerSettings { text, apply, .. } => Some((serde_json::from_str(&text).unwrap(), apply)),
        _ => None,
    })
}

#[test]
fn keys_of_the_user_are_never_lost() {
    let theirs = json!({ "dns": ["1.1.1.1"], "debug": true, "log-opts": { "max-size": "50m", "labels": "x" } });
    let (text, _) = planned(&with_settings(&theirs)).unwrap();
    assert_eq!(
        text,
        json!({
            "dns": ["1.1.1.1"], "debug": true, "live-restore": true, "log-driver": "json-file",
            "log-opts": { "max-size": "50m", "max-file": "3", "labels": "x" },
        })
    );
}

#[test]
fn another_log_driver_is_a_decision() {
    let theirs = json!({ "log-driver": "journald", "live-restore": true });
    assert_eq!(planned(&with_settings(&theirs)), None);
    let theirs = json!({ "log-driver": "local", "log-opts": { "max-size": "1g" } });
    let (text, apply) = planned(&with_settings(&theirs)).unwrap();
    assert_eq!(text, json!({ "log-driver": "local", "log-opts": { "max-size": "1g" }, "live-restore": true }));
    assert_eq!(apply, Apply::Reload);
}

#[test]
fn limits_that_are_there_suffice() {
    let theirs = json!({ "live-restore": true, "log-opts": { "max-size": "1m", "max-file": "9" } });
    assert_eq!(planned(&with_settings(&theirs)), None);
}

#[test]
fn containers_outlive_a_restart_of_docker() {
    let nothing = with_settings(&json!({}));
    let apply = |containers, swarm| {
        let facts = with_engine(nothing.clone(), |engine| {
            (engine.containers_running, engine.live_restore, engine.swarm) = (containers, false, swarm);
        });
        planned(&facts).unwrap().1
    };
    assert_eq!(apply(0, false), Apply::Restart);
    assert_eq!(apply(5, false), Apply::ReloadThenRestart);
    // A swarm rules live-restore out.
    assert_eq!(apply(5, true), Apply::NotNow);
    assert_eq!(apply(0, true), Apply::Restart);
    let stopped = with_engine(nothing.clone(), |engine| engine.running = false);
    assert_eq!(planned(&stopped).unwrap().1, Apply::AtStart);
}

#[test]
fn live_restore_that_someone_turned_off_stays_off() {
    let theirs = json!({ "live-restore": false });
    let facts = with_engine(with_settings(&theirs), |engine| engine.live_restore = false);
    let (text, apply) = planned(&facts).unwrap();
    assert_eq!(text["live-restore"], json!(false));
    assert_eq!(apply, Apply::NotNow);
}

#[test]
fn docker_that_did_not_take_its_settings_is_told_again() {
    // Someone wrote the file and did not reload.
    let facts = with_engine(ready(), |engine| engine.live_restore = false);
    assert_eq!(planned(&facts).unwrap().1, Apply::Reload);
    // An earlier setup was cut off between writing the file and the restart.
    let facts = ServerFacts { settings_pending: true, ..ready() };
    assert_eq!(planned(&facts).unwrap().1, Apply::ReloadThenRestart);
}
