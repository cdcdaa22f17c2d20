//! A plan as plain, stable text.

use super::action::Action;

/// An action in a few words.
pub fn words(action: &Action) -> String {
    format!("{action:?}")
}
