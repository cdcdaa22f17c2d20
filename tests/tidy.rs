//! The rules of the tree, as tests: which module may use which (DESIGN section 6, also told in `src/lib.rs`), where
//! libraries may appear, and what every file has. A rule that is not checked here is a wish.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module with the modules that it may use. The order is the reading order; nothing may point downwards.
const LAYERS: &[(&str, &[&str])] = &[
    ("name", &[]),
    ("diagnostic", &[]),
    ("control", &["name"]),
    ("release", &["name"]),
    ("config", &["name", "diagnostic", "release"]),
    ("inventory", &["name", "release"]),
    ("plan", &["name", "diagnostic", "config", "release", "inventory"]),
    ("event", &["name", "release", "plan"]),
    ("ports", &["name", "diagnostic", "release", "inventory", "plan", "event"]),
    ("observe", &["name", "config", "release", "inventory", "ports"]),
    ("apply", &["name", "release", "inventory", "plan", "event", "ports"]),
    ("remote", &["name", "diagnostic", "control", "config", "release", "inventory", "plan", "event", "ports"]),
    ("local", &["name", "diagnostic", "config", "release", "plan", "ports"]),
    ("ui", &["name", "diagnostic", "config", "release", "inventory", "plan", "event"]),
    (
        "cli",
        &["name", "diagnostic", "config", "release", "inventory", "plan", "event", "ports", "observe", "apply", "ui"],
    ),
    ("proxy", &["name", "diagnostic", "control"]),
];

/// Libraries that may appear only below one path.
const WALLS: &[(&str, &[&str])] = &[
    ("russh", &["src/remote"]),
    ("bollard", &["src/remote"]),
    ("indicatif", &["src/ui"]),
    ("console", &["src/ui"]),
    ("clap", &["src/cli/args", "src/main.rs"]),
    ("tokio::process", &["src/local/process.rs"]),
    ("std::process::Command", &["src/local/process.rs"]),
];

/// Names that say nothing about what is in them.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "manager", "misc", "context"];

/// Beyond this a file is a place where everything meets.
const LONGEST_FILE: usize = 500;

fn rust_files(below: &str) -> Vec<(PathBuf, String)> {
    fn walk(directory: &Path, files: &mut Vec<(PathBuf, String)>) {
        let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    let mut files = Vec::new();
    if Path::new(below).is_dir() {
        walk(Path::new(below), &mut files);
    }
    files
}

/// The top-level module that a file belongs to: `plan` for `src/plan/deploy.rs`.
fn module_of(path: &Path) -> String {
    let below = path.strip_prefix("src").unwrap();
    below.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Code without its comments and its tests at the end of the file.
fn code_of(text: &str) -> String {
    let production = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    production.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Whether a library is used: `word::…`, or `use word…`.
fn mentions(code: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '"' || c == '.';
    code.match_indices(word).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + word.len()..]);
        let begins = before.chars().next_back().is_none_or(|c| !is_part(c));
        begins && (after.starts_with("::") || (before.ends_with("use ") && after.starts_with([';', ' '])))
    })
}

#[test]
fn modules_use_only_what_stands_above_them() {
    let table: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in rust_files("src") {
        let module = module_of(&path);
        if matches!(module.as_str(), "main" | "lib" | "bin") {
            continue;
        }
        let Some(allowed) = table.get(module.as_str()) else {
            wrong.push(format!("{}: module `{module}` is not in the table of layers", path.display()));
            continue;
        };
        for (other, _) in LAYERS {
            let used = code_of(&text).contains(&format!("crate::{other}"));
            if used && *other != module && !allowed.contains(other) {
                wrong.push(format!("{}: `{module}` may not use `{other}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn uses_of_the_crate_name_the_module() {
    // `use crate::{a, b}` would hide a wrong dependency from the test above and from the reader.
    for (path, text) in rust_files("src") {
        assert!(!code_of(&text).contains("use crate::{"), "{}: one `use crate::module` per module", path.display());
    }
}

#[test]
fn libraries_stay_behind_their_walls() {
    let mut wrong = Vec::new();
    for (path, text) in rust_files("src") {
        let code = code_of(&text);
        for (library, places) in WALLS {
            let inside = places.iter().any(|place| path.to_str().unwrap().starts_with(place));
            if !inside && mentions(&code, library) {
                wrong.push(format!("{}: `{library}` belongs into {}", path.display(), places.join(", ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_why_it_exists() {
    for below in ["src", "tests", "examples"] {
        for (path, text) in rust_files(below) {
            assert!(text.starts_with("//!"), "{}: the first line is `//!` and the reason", path.display());
        }
    }
}

#[test]
fn names_of_files_say_something() {
    for (path, _) in rust_files("src") {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert!(!EMPTY_NAMES.contains(&stem), "{}: what is in it?", path.display());
    }
}

#[test]
fn files_stay_one_room() {
    let mut long: Vec<String> = Vec::new();
    for (path, text) in rust_files("src") {
        let lines = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().lines().count();
        if lines > LONGEST_FILE {
            long.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert!(long.is_empty(), "longer than {LONGEST_FILE} lines:\n{}", long.join("\n"));
}

#[test]
fn shell_is_only_in_the_closed_list() {
    for (path, text) in rust_files("src") {
        let listed = path.starts_with("src/remote") || path.starts_with("src/local");
        let code = code_of(&text);
        for sign in ["\"sh -c", "\"bash -c"] {
            assert!(listed || !code.contains(sign), "{}: {sign}", path.display());
        }
    }
}

#[test]
fn no_promises() {
    // Spelled apart, so that this file does not find itself.
    let signs =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("in a real ", "implementation")];
    for below in ["src", "tests", "examples"] {
        for (path, text) in rust_files(below) {
            for sign in signs {
                assert!(!text.contains(sign), "{}: {sign}", path.display());
            }
        }
    }
}

#[test]
fn every_test_file_is_part_of_a_test_binary() {
    for root in ["tests/it", "tests/hosts"] {
        for (path, _) in rust_files(root) {
            let (directory, stem) = (path.parent().unwrap(), path.file_stem().unwrap().to_str().unwrap());
            if stem == "main" {
                continue;
            }
            let (parent, name) = if stem == "mod" {
                (directory.parent().unwrap(), directory.file_name().unwrap().to_str().unwrap())
            } else {
                (directory, stem)
            };
            let declared = ["main.rs", "mod.rs"]
                .iter()
                .filter_map(|file| fs::read_to_string(parent.join(file)).ok())
                .any(|text| text.contains(&format!("mod {name};")));
            assert!(declared, "{} is in no test binary", path.display());
        }
    }
}
