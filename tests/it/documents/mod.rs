//! What the documents say, held against the program: commands parse, configuration resolves, links and paths lead
//! somewhere, and tables and examples are those of the code.

mod claims;
mod commands;
mod markdown;
mod places;

use std::fs;
use std::path::Path;

use markdown::Document;

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Everything that a user or a contributor reads.
fn documents() -> Vec<Document> {
    let mut paths: Vec<_> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)).into();
    paths.extend(fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    paths.iter().map(|path| Document::read(path)).collect()
}

fn document(name: &str) -> Document {
    Document::read(&root().join(name))
}
