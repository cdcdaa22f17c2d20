//! Files and what ship makes of them.

use std::path::{Path, PathBuf};

use super::check;
use ship::config::{problem, resolve, show};

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

#[test]
fn each_bad_file_is_told_what_is_wrong_with_it() {
    for case in cases("invalid") {
        let text = std::fs::read_to_string(&case).unwrap();
        let problems = resolve(&text, "ship.toml", None).expect_err(&case.display().to_string());
        check(&case, problem::render(&problems));
    }
}

#[test]
fn each_good_file_means_what_is_written_beside_it() {
    for case in cases("valid") {
        let text = std::fs::read_to_string(&case).unwrap();
        let any = resolve(&text, "ship.toml", None).unwrap_or_else(|problems| panic!("{}", problem::render(&problems)));
        let shown = any.environments.iter().map(|environment| {
            let project = resolve(&text, "ship.toml", Some(environment)).unwrap();
            show::toml(&project)
        });
        check(&case, shown.collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn what_is_shown_is_a_ship_toml_that_means_the_same() {
    for case in cases("valid") {
        let text = std::fs::read_to_string(&case).unwrap();
        for environment in resolve(&text, "ship.toml", None).unwrap().environments {
            let project = resolve(&text, "ship.toml", Some(&environment)).unwrap();
            let shown = show::toml(&project);
            let mut again = resolve(&shown, "shown.toml", None)
                .unwrap_or_else(|problems| panic!("{}\n{shown}", problem::render(&problems)));
            again.scope.environment = environment;
            again.environments = project.environments.clone();
            assert_eq!(again, project, "{}", case.display());
            assert_eq!(show::json(&again), show::json(&project));
        }
    }
}
