//! `[secrets]`: names, and where each value is read from when a deploy begins.

use std::collections::BTreeMap;

use crate::config::SecretSource;
use crate::config::elements::{command, path, text, variable};
use crate::config::reader::{Complaint, Table, Value, bare_or_quoted, quoted};

/// Sources by the name of the variable.
pub(crate) fn read(root: &Table<'_>) -> BTreeMap<String, SecretSource> {
    let mut secrets = BTreeMap::new();
    for entry in root.table("secrets").iter().flat_map(Table::entries) {
        let name = variable::name(&entry.key).map_err(|complaint| entry.complain_of_key(complaint));
        let source = source(&entry);
        if let (Ok(name), Some(source)) = (name, source) {
            secrets.insert(name, source);
        }
    }
    secrets
}

fn source(entry: &Value<'_>) -> Option<SecretSource> {
    let Some(table) = entry.table() else {
        // The text itself is not repeated: it may well be the secret.
        let complaint = Complaint::new(format!("expected where the value comes from, found {}", entry.kind()));
        entry.complain(complaint.hint(format!("{}; the value itself never stands here", advice(entry))));
        return None;
    };
    let file = table.get("file").map(|value| value.read(path::local).map(SecretSource::File));
    let env = table.get("env").map(|value| value.read(variable_name).map(SecretSource::Env));
    let command = table.get("command").map(|value| value.read(command::command_line).map(SecretSource::Command));
    let mut given: Vec<Option<SecretSource>> = [file, env, command].into_iter().flatten().collect();
    match given.len() {
        1 => given.pop().flatten(),
        0 => {
            if table.entries().next().is_none() {
                let complaint = Complaint::new("expected one of file, env and command, found none");
                table.complain(complaint.hint(advice(entry)));
            }
            None
        }
        _ => {
            table.complain(Complaint::new("expected one of file, env and command, found more than one"));
            None
        }
    }
}

fn advice(entry: &Value<'_>) -> String {
    let (key, variable) = (bare_or_quoted(&entry.key), quoted(&entry.key));
    format!("write {key} = {{ env = {variable} }}, {{ file = \"…\" }} or {{ command = [\"…\"] }}")
}

fn variable_name(value: &Value<'_>) -> Result<String, Complaint> {
    let text = text::text(value)?;
    variable::name(text.strip_prefix('$').unwrap_or(&text))
}
