//! `config/ship.toml` and `config/schema.json` against the parser: every key documented, every documented key read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use ship::config::keys::{self, KEYS};
use ship::config::{problem, resolve, schema, show};
use toml::de::{DeTable, DeValue};

const REFERENCE: &str = include_str!("../../../config/ship.toml");

/// The reference with everything that is commented out (`#key = …`, without a blank) put in.
fn spelled_out() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_alphabetic()) => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    REFERENCE.lines().map(line).collect()
}

/// The patterns of all keys in a text, each with the places of its values.
fn places(text: &str) -> BTreeMap<String, Vec<Range<usize>>> {
    fn walk(table: &DeTable<'_>, parent: &str, places: &mut BTreeMap<String, Vec<Range<usize>>>) {
        for (key, value) in table {
            let join = |last: &str| if parent.is_empty() { last.to_owned() } else { format!("{parent}.{last}") };
            let is_known = keys::find(&join(key.get_ref())).is_some();
            let path = if is_known { join(key.get_ref()) } else { join("*") };
            places.entry(path.clone()).or_default().push(value.span());
            if let DeValue::Table(below) = value.get_ref() {
                walk(below, if path == "environments.*" { "" } else { &path }, places);
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(DeTable::parse(text).unwrap().get_ref(), "", &mut all);
    all
}

#[test]
fn the_reference_is_a_ship_toml_as_it_stands_and_spelled_out() {
    for text in [REFERENCE.to_owned(), spelled_out()] {
        let project = resolve(&text, "config/ship.toml", None);
        project.unwrap_or_else(|problems| panic!("{}", problem::render(&problems)));
    }
}

#[test]
fn every_key_is_in_the_reference_and_no_other() {
    let documented: BTreeSet<String> = places(&spelled_out()).into_keys().collect();
    let known: BTreeSet<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
    assert_eq!(documented, known);
}

/// A date is right for no key, so the parser has to complain of each, wherever it is put.
#[test]
fn every_key_is_read() {
    let text = spelled_out();
    for (path, spans) in places(&text) {
        // A table's place is its header, which cannot be replaced by a value.
        for span in spans.into_iter().filter(|span| is_value(&text, span)) {
            let line = text[..span.start].matches('\n').count() + 1;
            let mut broken = text.clone();
            broken.replace_range(span, "2026-11-21");
            let problems = resolve(&broken, "ship.toml", None).expect_err(&path);
            let is_there =
                problems.iter().any(|problem| problem.place.as_ref().is_some_and(|place| place.line == line));
            assert!(is_there, "{path} in line {line}:\n{}", problem::render(&problems));
        }
    }
}

fn is_value(text: &str, span: &Range<usize>) -> bool {
    let line_start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    text[line_start..span.start].contains('=')
}

/// What stands commented out for these keys is what is meant without them.
#[test]
fn the_defaults_in_the_reference_are_the_defaults() {
    let defaults = [
        "/keep",
        "/build/context",
        "/build/dockerfile",
        "/roles/web/hosts",
        "/roles/web/replicas",
        "/roles/web/stop_timeout",
        "/roles/web/health",
        "/roles/scheduler/health",
        "/roles/worker/health",
        "/proxy/role",
        "/proxy/path_prefix",
        "/proxy/strip_prefix",
        "/proxy/drain",
        "/proxy/response_timeout",
        "/deploy",
    ];
    let shown = |text: &str| show::json(&resolve(text, "config/ship.toml", None).unwrap());
    let (as_it_stands, spelled_out) = (shown(REFERENCE), shown(&spelled_out()));
    for pointer in defaults {
        assert!(as_it_stands.pointer(pointer).is_some(), "{pointer}");
        assert_eq!(as_it_stands.pointer(pointer), spelled_out.pointer(pointer), "{pointer}");
    }
}

/// `SNAPSHOTS=overwrite` writes it.
#[test]
fn the_schema_is_the_parsers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/schema.json");
    let expected = snapbox::Data::read_from(&path, Some(snapbox::data::DataFormat::Text)).raw();
    let action = snapbox::Assert::new().action_env("SNAPSHOTS");
    action.try_eq(None, schema::text().into(), expected).unwrap_or_else(|difference| panic!("{difference}"));
}

#[test]
fn the_examples_of_the_manual_resolve() {
    let manual = include_str!("../../../docs/configuration.md");
    let examples: Vec<&str> = manual.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 5);
    for example in examples {
        let problems = resolve(example, "docs/configuration.md", None).err().unwrap_or_default();
        assert!(problems.is_empty(), "{}\n{example}", problem::render(&problems));
    }
}
