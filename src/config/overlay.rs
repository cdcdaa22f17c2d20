//! From text to the tree of one environment: tables merge, everything else is replaced by what the environment says.
//! Spans stay those of the text, so a problem points at the line that is wrong, wherever that stands.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys;

/// Tables that state one choice. An environment that chooses otherwise replaces the whole, or the two choices would
/// stand beside each other.
const CHOICES: &[(&str, &[&str])] =
    &[("secrets.*", &["file", "env", "command"]), ("roles.*.health", &["path", "command", "stays_up"])];

/// The same at the top level, where only the other choice goes.
const IMAGE: [&str; 2] = ["image", "build"];

/// What `over` says, where it says something, and `base` elsewhere.
pub(super) fn overlay<'t>(base: &DeTable<'t>, over: &DeTable<'t>) -> DeTable<'t> {
    let mut merged = base.clone();
    for (chosen, other) in [(IMAGE[0], IMAGE[1]), (IMAGE[1], IMAGE[0])] {
        if over.contains_key(chosen) && !over.contains_key(other) {
            merged.remove(other);
        }
    }
    merge(&mut merged, over, "");
    merged
}

fn merge<'t>(base: &mut DeTable<'t>, over: &DeTable<'t>, pattern: &str) {
    for (key, value) in over {
        let pattern = keys::child(pattern, key.get_ref()).unwrap_or_default();
        match (base.get_mut(key.get_ref().as_ref()).map(Spanned::get_mut), value.get_ref()) {
            (Some(DeValue::Table(below)), DeValue::Table(above)) if !chooses_otherwise(below, above, &pattern) => {
                merge(below, above, &pattern);
            }
            _ => {
                // A map keeps the old key on insertion, and with it a place that has nothing to do with the new value.
                base.remove(key.get_ref().as_ref());
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

fn chooses_otherwise(below: &DeTable<'_>, above: &DeTable<'_>, pattern: &str) -> bool {
    let Some((_, choices)) = CHOICES.iter().find(|(table, _)| *table == pattern) else { return false };
    choices.iter().any(|choice| above.contains_key(*choice) && !below.contains_key(*choice))
}
