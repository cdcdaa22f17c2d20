//! `[env]` and every other table of variables.

use std::collections::BTreeMap;

use crate::config::SecretSource;
use crate::config::elements::variable;
use crate::config::reader::{Complaint, Table};

/// Names and values.
pub(crate) fn variables(table: &Table<'_>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for entry in table.entries() {
        let name = variable::name(&entry.key).map_err(|complaint| entry.complain_of_key(complaint));
        let value = entry.read(variable::value);
        if let (Ok(name), Some(value)) = (name, value) {
            variables.insert(name, value);
        }
    }
    variables
}

/// The table `env` of the whole app or of a role. A name that is also a secret is refused: one of the two would win
/// without anyone having said which.
pub(crate) fn read(parent: &Table<'_>, secrets: &BTreeMap<String, SecretSource>) -> BTreeMap<String, String> {
    let Some(table) = parent.table("env") else { return BTreeMap::new() };
    for entry in table.entries().filter(|entry| secrets.contains_key(&entry.key)) {
        entry.complain_of_key(Complaint::new("it is also under [secrets], and only one of the two can be meant"));
    }
    variables(&table)
}
