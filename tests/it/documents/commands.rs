//! Every `ship …` that a person is told to type is one that ship understands: in the documents, in the examples of
//! `--help`, and in the hints of errors.

use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use ship::cli::args::Arguments;

use super::markdown::Document;
use super::{documents, root};

/// The commands of a line as a shell would see them, without redirections; nothing for a comment.
pub(super) fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![vec![]];
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, ' ') => commands.last_mut().unwrap().extend(word.take()),
            (None, '|' | '&' | ';' | '>' | '<' | '(' | ')') => {
                commands.last_mut().unwrap().extend(word.take());
                commands.push(vec![]);
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    commands.last_mut().unwrap().extend(word.take());
    commands.retain(|words| !words.is_empty());
    commands
}

/// The commands that a document has in blocks for a shell and in its sentences.
pub(super) fn commands_of(document: &Document) -> Vec<Vec<String>> {
    let scripts = document.blocks_in("sh").flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    let typed = document.blocks_in("console").flat_map(|text| {
        text.lines().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect::<Vec<_>>()
    });
    let named = document.spans().into_iter().filter(|span| span.starts_with("ship ") || span.starts_with("scripts/"));
    scripts.chain(typed).chain(named).flat_map(|line| commands(&line)).collect()
}

fn problem(words: &[String]) -> Option<String> {
    match Arguments::try_parse_from(words) {
        Ok(_) => None,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => None,
        // A sentence that only names a command: `ship exec`.
        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument && words.len() == 2 => None,
        Err(error) => Some(format!("`{}`: {error}", words.join(" "))),
    }
}

#[test]
fn commands_in_documents_parse() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in documents() {
        for words in commands_of(&document).iter().filter(|words| words[0] == "ship") {
            count += 1;
            wrong.extend(problem(words).map(|problem| format!("{}: {problem}", document.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 50, "only {count} commands were found");
}

#[test]
fn examples_in_the_help_parse() {
    for command in Arguments::command().get_subcommands() {
        let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines: Vec<_> = examples.lines().filter(|line| line.starts_with("  ")).collect();
        for words in lines.iter().flat_map(|line| commands(line)).filter(|words| words[0] == "ship") {
            assert_eq!(problem(&words), None, "in the help of {}", command.get_name());
        }
    }
}

/// A hint is a command to type, perhaps with words after it that say what it does. Whatever it names by `{…}` is filled
/// in.
#[test]
fn hints_in_the_code_parse() {
    let names: Vec<String> = Arguments::command().get_subcommands().map(|it| it.get_name().to_owned()).collect();
    let mut wrong = Vec::new();
    for path in rust_files(&root().join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        for literal in text.split("\"ship ").skip(1).filter_map(|rest| rest.split('"').next()) {
            let words = commands(&filled(&format!("ship {literal}"))).into_iter().next().unwrap_or_default();
            let options = words.iter().rposition(|word| word.starts_with('-')).unwrap_or(1);
            let is_command = words.get(1).is_some_and(|name| names.contains(name));
            if is_command && !(options + 1..=words.len()).any(|end| problem(&words[..end]).is_none()) {
                wrong.push(format!("{}: {}", path.display(), words.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn filled(literal: &str) -> String {
    let mut parts = literal.split('{');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // A release's number fits where a number is wanted, and is a legal name elsewhere.
        let before = text.trim_end().rsplit(' ').next().unwrap_or_default().to_owned();
        text.push_str(if before == "--replica" { "1" } else { "r1" });
        text.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    text
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
