//! What a `ship.toml` means, and what is said when it means nothing.

mod cases;
mod meaning;
mod reference;
mod starter;

use std::path::Path;

/// Compares with the text beside the case; `SNAPSHOTS=overwrite` writes what is expected from what is.
fn check(case: &Path, actual: String) {
    let expected = snapbox::Data::read_from(&case.with_extension("txt"), None).raw();
    let action = snapbox::Assert::new().action_env("SNAPSHOTS");
    action.try_eq(Some(&case.display()), actual.into(), expected).unwrap_or_else(|difference| panic!("{difference}"));
}
