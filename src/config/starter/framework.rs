//! Which framework a project uses, and what that means for its `ship.toml`.

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Directory;

/// What a framework brings along. Empty where there is nothing to say.
#[derive(Debug, Default)]
pub(super) struct Guess {
    /// "a Rails application"
    pub(super) name: &'static str,
    /// Where it listens, unless the Dockerfile says it.
    pub(super) port: Option<u16>,
    /// `None` where the default is right.
    pub(super) health_path: Option<&'static str>,
    pub(super) release: &'static [&'static str],
    pub(super) console: &'static [&'static str],
    /// Put in as a comment: not every app has one.
    pub(super) worker: &'static [&'static str],
    /// Paths in the container.
    pub(super) volumes: Vec<&'static str>,
    pub(super) env: Vec<(&'static str, &'static str)>,
    /// With the source as it is written in the file.
    pub(super) secrets: Vec<(&'static str, &'static str)>,
    pub(super) notes: Vec<String>,
    /// An example, for a project without one.
    pub(super) dockerfile: String,
}

/// The first that fits. Rails and Django come first, since they often have a `package.json` for their assets.
pub(super) fn guess(directory: &Directory) -> Option<Guess> {
    let all = [rails, django, node, go, rust];
    all.iter().find_map(|framework| framework(directory))
}

fn rails(directory: &Directory) -> Option<Guess> {
    let names_rails =
        |line: &str| ["gem \"rails\"", "gem 'rails'"].iter().any(|gem| line.trim_start().starts_with(gem));
    directory.content("Gemfile").filter(|gems| gems.lines().any(names_rails))?;
    let mut notes = Vec::new();
    let has_up = directory.content("config/routes.rb").is_none_or(|routes| routes.contains("rails/health#show"));
    if !has_up {
        notes.push(
            "the app has no health check yet; Rails 7.1 and later bring one, in config/routes.rb: \
                    get \"up\" => \"rails/health#show\""
                .to_owned(),
        );
    }
    let production = directory.content("config/environments/production.rb").unwrap_or_default();
    if production.lines().any(|line| line.trim() == "config.force_ssl = true") {
        notes.push(
            "config.force_ssl sends every visitor to https: set tls under [proxy] before the first deploy, or \
                    turn it off in config/environments/production.rb"
                .to_owned(),
        );
    }
    let key = if directory.has("config/master.key") {
        "{ file = \"config/master.key\" }"
    } else {
        notes.push("export RAILS_MASTER_KEY before you deploy, or say in [secrets] where it is".to_owned());
        "{ env = \"RAILS_MASTER_KEY\" }"
    };
    Some(Guess {
        name: "a Rails application",
        port: Some(3000),
        health_path: (!has_up).then_some("/"),
        release: &["bin/rails", "db:migrate"],
        console: &["bin/rails", "console"],
        worker: if directory.has("bin/jobs") { &["bin/jobs"] } else { &[] },
        volumes: vec!["/rails/storage"],
        env: vec![("RAILS_ENV", "production")],
        secrets: vec![("RAILS_MASTER_KEY", key)],
        notes,
        dockerfile: include_str!("dockerfiles/rails.Dockerfile").to_owned(),
    })
}

fn django(directory: &Directory) -> Option<Guess> {
    let manage = directory.content("manage.py")?;
    let settings = manage.split(['"', '\'']).find_map(|text| text.strip_suffix(".settings")).unwrap_or("mysite");
    Some(Guess {
        name: "a Django application",
        port: Some(8000),
        health_path: Some("/"),
        release: &["python", "manage.py", "migrate", "--noinput"],
        console: &["python", "manage.py", "shell"],
        secrets: vec![("SECRET_KEY", "{ env = \"SECRET_KEY\" }")],
        notes: vec![
            "export SECRET_KEY before you deploy, or say in [secrets] where it is; the settings have to read it from \
             the environment"
                .to_owned(),
            "a database in a file (SQLite) is lost with each release unless its directory is under [volumes]"
                .to_owned(),
        ],
        dockerfile: include_str!("dockerfiles/django.Dockerfile").replace("MODULE", settings),
        ..Guess::default()
    })
}

fn node(directory: &Directory) -> Option<Guess> {
    let package = directory.content("package.json")?;
    let package: Json = serde_json::from_str(package).unwrap_or_default();
    let needs_prisma = package["dependencies"]["prisma"].is_string();
    let mut notes = Vec::new();
    if package["scripts"]["start"].is_null() {
        notes.push("package.json has no start script; the Dockerfile has to say how the app is started".to_owned());
    }
    if package["devDependencies"]["prisma"].is_string() {
        notes.push(
            "prisma is a development dependency, so the image lacks it; make it a dependency and write under [release]: \
             command = [\"npx\", \"prisma\", \"migrate\", \"deploy\"]"
                .to_owned(),
        );
    }
    Some(Guess {
        name: "a Node application",
        port: Some(3000),
        health_path: Some("/"),
        release: if needs_prisma { &["npx", "prisma", "migrate", "deploy"] } else { &[] },
        console: &["node"],
        env: vec![("NODE_ENV", "production")],
        notes,
        dockerfile: include_str!("dockerfiles/node.Dockerfile").to_owned(),
        ..Guess::default()
    })
}

fn go(directory: &Directory) -> Option<Guess> {
    directory.content("go.mod")?;
    Some(Guess {
        name: "a Go program",
        port: Some(8080),
        health_path: Some("/"),
        dockerfile: include_str!("dockerfiles/go.Dockerfile").to_owned(),
        ..Guess::default()
    })
}

fn rust(directory: &Directory) -> Option<Guess> {
    let manifest = directory.content("Cargo.toml")?;
    let (manifest, _) = DeTable::parse_recoverable(manifest);
    let package = manifest.get_ref().get("package").and_then(|package| package.get_ref().get("name"));
    let program = match package.map(Spanned::get_ref) {
        Some(DeValue::String(name)) => name.to_string(),
        _ => "app".to_owned(),
    };
    Some(Guess {
        name: "a Rust program",
        port: Some(8080),
        health_path: Some("/"),
        dockerfile: include_str!("dockerfiles/rust.Dockerfile").replace("MODULE", &program),
        ..Guess::default()
    })
}
