//! Examples and tables of the documents that the code can check.

use std::collections::BTreeSet;
use std::fs;

use ship::config::{problem, resolve};
use ship::release::Release;
use ship::release::history::History;
use ship::release::ledger;
use ship::release::state::{State, Transition};

use super::{document, documents, root};

/// A block that shows only a part of a file is put into a file that has the rest.
#[test]
fn configuration_in_documents_resolves() {
    for document in documents() {
        for block in document.blocks_in("toml") {
            let app = if block.contains("app = ") { "" } else { "app = \"blog\"\n" };
            let host = if block.contains("hosts") { "" } else { "\n[hosts.web-1]\naddress = \"203.0.113.7\"\n" };
            let problems = resolve(&format!("{app}{block}{host}"), &document.name, None).err().unwrap_or_default();
            assert!(problems.is_empty(), "{}:\n{block}\n{}", document.name, problem::render(&problems));
        }
    }
}

/// The example is a ledger, to the last hash.
#[test]
fn the_ledger_of_the_manual_folds() {
    let manual = document("docs/ledger.md");
    let text = manual.blocks_in("jsonl").next().unwrap();
    let lines = ledger::read(text.as_bytes()).unwrap();
    assert!(!lines.torn);
    let history = History::fold(&lines).unwrap();
    assert_eq!(history.live().unwrap().to_string(), "r1");
    let states: BTreeSet<State> = history.releases.values().map(|past| past.state).collect();
    assert_eq!(states, BTreeSet::from([State::Live, State::Retired, State::Pruned]));

    let edited = text.replacen("ana@laptop", "bob@laptop", 1);
    let damage = ledger::read(edited.as_bytes()).unwrap_err().to_string();
    assert!(manual.blocks.iter().any(|block| block.text.contains(&damage)), "the manual does not show: {damage}");
}

/// An edited line, a lost one and one that is no JSON: the manual's loop makes a ledger of the rest.
#[test]
#[expect(clippy::disallowed_methods, reason = "what a person types into a shell on a host")]
fn the_repair_of_the_manual_repairs() {
    let manual = document("docs/ledger.md");
    let directory = tempfile::tempdir().unwrap();
    let damaged = manual.blocks_in("jsonl").next().unwrap().replacen("ana@laptop", "bob@laptop", 1);
    let kept: Vec<&str> = damaged.lines().filter(|line| !line.contains("pruned")).collect();
    fs::write(directory.path().join("ledger.jsonl.kept"), kept.join("\n") + "\n").unwrap();
    let repair = manual.blocks_in("bash").find(|text| text.contains("sha256sum")).unwrap();
    let bash = std::process::Command::new("bash").args(["-euc", repair]).current_dir(&directory).status().unwrap();
    assert!(bash.success());
    let lines = ledger::read(&fs::read(directory.path().join("ledger.jsonl")).unwrap()).unwrap();
    assert_eq!(lines.entries.len(), kept.len());
    assert_eq!(lines.entries[0].by, "bob@laptop");
    History::fold(&lines).unwrap();
}

#[test]
fn the_record_of_the_manual_is_one() {
    let manual = document("docs/ledger.md");
    let record: Release = serde_json::from_str(manual.blocks_in("json").next().unwrap()).unwrap();
    assert_eq!(record.image.reference, format!("{}:{}", record.scope, record.number));
}

#[test]
fn the_state_table_of_the_manual_is_the_codes() {
    let manual = document("docs/ledger.md");
    let rows: Vec<Vec<&str>> = manual
        .prose
        .lines()
        .skip_while(|line| !line.starts_with("| state"))
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let title = |transition: &Transition| transition.to_string();
    assert_eq!(rows[0][1..], Transition::ALL.iter().map(title).collect::<Vec<_>>());
    for (row, state) in rows[2..].iter().zip(State::ALL) {
        let next = |transition| state.next(transition).map_or_else(|_| String::new(), |next| next.to_string());
        let expected: Vec<String> = [state.to_string()].into_iter().chain(Transition::ALL.map(next)).collect();
        assert_eq!(*row, expected);
    }
    assert_eq!(rows.len(), State::ALL.len() + 2);
}

/// `src/lib.rs` names every module with a sentence, in the order in which they are declared.
#[test]
fn the_map_shows_every_module() {
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let declared: Vec<&str> =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let mapped: Vec<&str> =
        library.lines().filter_map(|line| line.strip_prefix("//! - [`")?.split('`').next()).collect();
    assert_eq!(mapped, declared);
}
