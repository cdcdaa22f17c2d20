//! The text of a `ship.toml` as a tree for each environment, and the way back from a place in the tree to a line.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::elements::text;
use super::problem::Place;
use super::reader::{Complaint, Found, Problems, Table, did_you_mean};
use super::{DEFAULT_ENVIRONMENT, Problem, overlay};
use crate::name::EnvironmentName;

/// A file that is TOML, taken apart into what is always meant and what each environment adds.
pub(super) struct Document<'t> {
    text: &'t str,
    file: &'t str,
    base: DeTable<'t>,
    overlays: BTreeMap<EnvironmentName, DeTable<'t>>,
    /// What is wrong with the names of the environments.
    pub(super) problems: Vec<Problem>,
}

impl<'t> Document<'t> {
    /// Takes the text apart, or says everywhere where it is not TOML.
    pub(super) fn parse(text: &'t str, file: &'t str) -> Result<Self, Vec<Problem>> {
        Self::parse_around(text, file, |_| false)
    }

    /// The same, but goes on past errors that lie in a section which `is_unneeded`, by its header without brackets.
    pub(super) fn parse_around(
        text: &'t str,
        file: &'t str,
        is_unneeded: impl Fn(&str) -> bool,
    ) -> Result<Self, Vec<Problem>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let start = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
        let errors: Vec<_> = errors.iter().filter(|error| !is_unneeded(section(text, start(error)))).collect();
        if !errors.is_empty() {
            return Err(errors.into_iter().map(|error| syntax(text, file, error)).collect());
        }
        let notes = Problems::default();
        let overlays = overlays(root.get_ref(), &notes);
        let mut base = root.into_inner();
        base.remove("environments");
        let mut document = Self { text, file, base, overlays, problems: Vec::new() };
        document.problems = notes.into_found().into_iter().map(|found| document.problem(found, None)).collect();
        Ok(document)
    }

    /// The environments that can be deployed. The default one needs no table of its own, but hosts: a file may well
    /// keep all of them under its environments.
    pub(super) fn environments(&self) -> Vec<EnvironmentName> {
        let default = DEFAULT_ENVIRONMENT.parse().ok();
        let is_meant = self.overlays.is_empty() || self.base.contains_key("hosts");
        let mut environments: Vec<EnvironmentName> = default.into_iter().filter(|_| is_meant).collect();
        environments
            .extend(self.overlays.keys().filter(|name| !is_meant || name.as_str() != DEFAULT_ENVIRONMENT).cloned());
        environments
    }

    /// The environment that is meant, or why there is none.
    pub(super) fn choose(&self, asked: Option<&EnvironmentName>) -> Result<EnvironmentName, Box<Problem>> {
        let known = self.environments();
        let name = asked.map_or(DEFAULT_ENVIRONMENT, EnvironmentName::as_str);
        if let Some(name) = known.iter().find(|known| known.as_str() == name) {
            return Ok(name.clone());
        }
        let names = known.iter().map(EnvironmentName::as_str);
        let (message, hint) = match asked {
            Some(asked) => (format!("there is no environment `{asked}`"), did_you_mean(asked.as_str(), names)),
            None => (
                format!(
                    "without a name the environment {DEFAULT_ENVIRONMENT} is meant, and the file has no hosts for it"
                ),
                known.first().map(|first| format!("name one: ship -e {first}")),
            ),
        };
        let file = self.file.to_owned();
        Err(Box::new(Problem { file, place: None, key: String::new(), message, hint, environment: None }))
    }

    /// What the file says for one environment.
    pub(super) fn tree(&self, environment: &EnvironmentName) -> DeTable<'t> {
        match self.overlays.get(environment) {
            Some(over) => overlay::overlay(&self.base, over),
            None => self.base.clone(),
        }
    }

    fn place(&self, span: &Range<usize>, conceal: bool) -> Place {
        let place = Place::of(self.text, span);
        if conceal { place.concealed() } else { place }
    }

    /// What was found in a tree, as a place in the text.
    pub(super) fn problem(&self, found: Found, environment: Option<&EnvironmentName>) -> Problem {
        Problem {
            file: self.file.to_owned(),
            place: found.span.map(|span| self.place(&span, may_show_a_secret(&found.key))),
            key: found.key,
            message: found.complaint.message,
            hint: found.complaint.hint,
            environment: environment.cloned(),
        }
    }
}

/// The tables under `[environments]` whose names can be used.
fn overlays<'t>(root: &DeTable<'t>, notes: &Problems) -> BTreeMap<EnvironmentName, DeTable<'t>> {
    let mut overlays = BTreeMap::new();
    let quiet = Problems::default();
    let Some(value) = Table::root(root, &quiet).get("environments") else { return overlays };
    let tables: Option<&Spanned<DeValue<'t>>> = root.get("environments");
    let Some(DeValue::Table(tables)) = tables.map(Spanned::get_ref) else {
        let complaint = Complaint::expected("a table of environments", &value);
        notes.note(Some(value.span), value.path.to_string(), complaint.hint("write [environments.staging]"));
        return overlays;
    };
    for (key, node) in tables {
        let path = format!("{}.{}", value.path, key.get_ref());
        match (text::parse_name(key.get_ref()), node.get_ref()) {
            (Ok(name), DeValue::Table(over)) => {
                if let Some((key, _)) = over.get_key_value("environments") {
                    let complaint = Complaint::new("an environment has no environments of its own");
                    notes.note(Some(key.span()), format!("{path}.environments"), complaint);
                }
                overlays.insert(name, over.clone());
            }
            (Ok(_), _) => notes.note(Some(node.span()), path, Complaint::new("expected a table of keys to override")),
            (Err(complaint), _) => notes.note(Some(key.span()), path, complaint),
        }
    }
    overlays
}

/// Whether the line of this key may hold a secret itself instead of where it comes from.
fn may_show_a_secret(key: &str) -> bool {
    let mut parts = key.split('.');
    parts.next() == Some("secrets") && !matches!(parts.next_back(), Some("file" | "env" | "command"))
}

/// The header of the section in which a byte lies, without brackets; empty at the top level.
fn section(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or(text);
    let header = before.lines().rev().find_map(|line| line.trim_start().strip_prefix('['));
    header.map_or("", |header| header.trim_start_matches('[').trim_start())
}

fn syntax(text: &str, file: &str, error: &toml::de::Error) -> Problem {
    let unquoted = error.message().starts_with("string values must be quoted");
    let place = error.span().map(|span| Place::of(text, &span));
    let line = place.as_ref().map_or("", |place| place.source_line.trim_start());
    let header = section(text, error.span().map_or(0, |span| span.start));
    let in_secrets = line.starts_with("secrets") || header.contains("secrets");
    Problem {
        file: file.to_owned(),
        place: place.clone().map(|place| if in_secrets { place.concealed() } else { place }),
        key: String::new(),
        message: format!("this is not TOML: {}", error.message()),
        hint: unquoted.then(|| "put the value between quotes: \"…\"".to_owned()),
        environment: None,
    }
}
