//! What a document points to is there: linked files and headings, scripts, paths of the source.

use std::path::Path;

use super::commands::commands_of;
use super::markdown::Document;
use super::{documents, root};

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for document in documents() {
        for link in document.links().into_iter().filter(|link| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = document.directory.join(path);
            if !path.is_empty() && !target.exists() {
                wrong.push(format!("{}: {link}", document.name));
                continue;
            }
            let same = path.is_empty();
            let known =
                anchor.is_empty() || if same { has(&document, anchor) } else { has(&Document::read(&target), anchor) };
            if !known {
                wrong.push(format!("{}: {link} has no such heading", document.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn has(document: &Document, anchor: &str) -> bool {
    document.anchors().iter().any(|known| known == anchor)
}

#[test]
fn scripts_in_documents_exist() {
    let mut wrong = Vec::new();
    for document in documents() {
        for words in commands_of(&document).iter().filter(|words| words[0].starts_with("scripts/")) {
            if !Path::exists(&root().join(&words[0])) {
                wrong.push(format!("{}: {}", document.name, words.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn paths_of_the_source_exist() {
    let mut wrong = Vec::new();
    for document in documents() {
        for span in document.spans() {
            let is_path = ["src/", "tests/", "docs/", "examples/", ".github/"].iter().any(|it| span.starts_with(it));
            if is_path && !span.contains([' ', '*', '{', '…']) && !Path::exists(&root().join(&span)) {
                wrong.push(format!("{}: {span}", document.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
