//! Files and what ship makes of them. `SNAPSHOTS=overwrite` writes what is expected from what is.

use std::path::{Path, PathBuf};

use ship::config::{problem, resolve};

/// The files of a directory of cases, by name.
fn cases(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/config").join(directory);
    let entries = std::fs::read_dir(directory).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Compares with the text beside the case.
fn check(case: &Path, actual: String) {
    let expected = snapbox::Data::read_from(&case.with_extension("txt"), None).raw();
    let action = snapbox::Assert::new().action_env("SNAPSHOTS");
    action.try_eq(Some(&case.display()), actual.into(), expected).unwrap_or_else(|difference| panic!("{difference}"));
}

#[test]
fn each_bad_file_is_told_what_is_wrong_with_it() {
    for case in cases("invalid") {
        let text = std::fs::read_to_string(&case).unwrap();
        let problems = resolve(&text, "ship.toml", None).expect_err(&case.display().to_string());
        check(&case, problem::render(&problems));
    }
}
