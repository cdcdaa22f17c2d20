//! The first `ship.toml` of a project, guessed from the files that are there (`ship init`). Short on purpose: what a
//! person would leave at its default does not appear.

mod dockerfile;
mod framework;

use std::collections::{BTreeMap, BTreeSet};

use super::elements::text::legal_name;
use super::reader::{quoted, quoted_list};
use dockerfile::Dockerfile;
use framework::Guess;

/// The address that stands in a new file until the user puts one there (RFC 5737: for documentation).
pub const ADDRESS: &str = "203.0.113.7";

/// The files whose content says something. Of all others only the presence counts.
pub const TELLING: &[&str] = &[
    "Dockerfile",
    "Gemfile",
    "config/routes.rb",
    "config/environments/production.rb",
    "manage.py",
    "package.json",
    "go.mod",
    "Cargo.toml",
];

/// A project's directory, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// Its name without those above it.
    pub name: String,
    /// Files by their path inside it, with the content of those that are [`TELLING`] and empty otherwise.
    pub files: BTreeMap<String, String>,
}

impl Directory {
    fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    fn content(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }
}

/// What `ship init` writes and says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starter {
    /// The `ship.toml`. It resolves as it stands.
    pub text: String,
    /// What is left to do, each a paragraph.
    pub notes: Vec<String>,
}

/// A `ship.toml` for what is in the directory.
pub fn starter(directory: &Directory) -> Starter {
    let guess = framework::guess(directory);
    let dockerfile = directory.content("Dockerfile").map(dockerfile::read);
    let mut notes = vec!["put the address of your server under [hosts.web-1]".to_owned()];
    match &guess {
        Some(guess) => notes.extend(guess.notes.iter().cloned()),
        None if dockerfile.is_none() => notes.push(
            "nothing here says how to run the app: write a Dockerfile, or set image = \"…\" to one that exists"
                .to_owned(),
        ),
        None => {}
    }
    if let (Some(guess), None) = (&guess, &dockerfile) {
        notes.push(format!(
            "there is no Dockerfile, and ship builds with one. For {} this is a beginning:\n\n{}",
            guess.name, guess.dockerfile
        ));
    }
    // Without knowing anything of the app, its front page is the best guess at what answers.
    let guess = guess.unwrap_or_else(|| Guess { health_path: Some("/"), ..Guess::default() });
    Starter { text: text(directory, &guess, &dockerfile.unwrap_or_default()), notes }
}

fn text(directory: &Directory, guess: &Guess, dockerfile: &Dockerfile) -> String {
    let app = legal_name(&directory.name).unwrap_or_else(|| "app".to_owned());
    let mut lines = vec![
        format!("app = {}", quoted(&app)),
        String::new(),
        "[hosts.web-1]".to_owned(),
        "address = \"203.0.113.7\"   # your server: an IP address, a name, or a Host of ~/.ssh/config".to_owned(),
        String::new(),
    ];
    lines.extend(roles(guess, dockerfile));
    lines.extend([
        String::new(),
        "[proxy]".to_owned(),
        "domains = []   # [\"example.com\"]; without one the app answers to every name".to_owned(),
    ]);
    lines.extend(volumes(guess, dockerfile));
    let env = guess.env.iter().map(|(name, value)| format!("{name} = {}", quoted(value)));
    lines.extend(section("[env]", env.collect()));
    let secrets = guess.secrets.iter().map(|(name, source)| format!("{name} = {source}"));
    lines.extend(section("[secrets]   # where each value is read from when you deploy", secrets.collect()));
    lines.extend(command("[release]   # once per deploy, before any traffic", guess.release));
    lines.extend(command("[console]   # ship console", guess.console));
    lines.join("\n") + "\n"
}

/// A section with its lines, or nothing if it has none.
fn section(header: &str, lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() { lines } else { [vec![String::new(), header.to_owned()], lines].concat() }
}

fn command(header: &str, words: &[&str]) -> Vec<String> {
    let line = (!words.is_empty()).then(|| format!("command = {}", quoted_list(words.iter().copied())));
    section(header, line.into_iter().collect())
}

fn roles(guess: &Guess, dockerfile: &Dockerfile) -> Vec<String> {
    let mut lines = vec!["[roles.web]".to_owned()];
    lines.push(match (dockerfile.ports.as_slice(), guess.port) {
        ([port], _) => format!("# port = {port}   # EXPOSE in the Dockerfile says so"),
        ([first, ..], _) => format!("port = {first}   # the Dockerfile exposes several"),
        ([], Some(port)) => format!("port = {port}   # where the app listens"),
        ([], None) => "port = 8080   # where the app listens".to_owned(),
    });
    if let Some(path) = guess.health_path {
        let why = "# answers with 200 to 299 when the app is ready";
        lines.push(format!("health = {{ path = {} }}   {why}", quoted(path)));
    }
    if !guess.worker.is_empty() {
        lines.extend([
            String::new(),
            "# [roles.worker]".to_owned(),
            format!("# command = {}", quoted_list(guess.worker.iter().copied())),
        ]);
    }
    lines
}

/// Those of the framework and of the Dockerfile's VOLUME, each path once and each with a name of its own.
fn volumes(guess: &Guess, dockerfile: &Dockerfile) -> Vec<String> {
    let paths: BTreeSet<&str> =
        guess.volumes.iter().copied().chain(dockerfile.volumes.iter().map(String::as_str)).collect();
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for path in paths {
        let last = path.rsplit('/').find_map(legal_name).unwrap_or_else(|| "data".to_owned());
        let numbered = (2..).map(|number| format!("{last}-{number}"));
        if let Some(name) = std::iter::once(last.clone()).chain(numbered).find(|name| !names.contains_key(name)) {
            names.insert(name, path);
        }
    }
    let lines = names.into_iter().map(|(name, path)| format!("{name} = {}", quoted(path)));
    section("[volumes]   # survive every release", lines.collect())
}
