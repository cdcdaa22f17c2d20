//! What `ship init` writes for projects of each kind: always something that resolves.

use std::path::{Path, PathBuf};

use super::check;
use ship::config::starter::{Directory, Starter, TELLING, starter};
use ship::config::{Project, problem, resolve, show};

fn directory(name: &str, files: &[(&str, &str)]) -> Directory {
    let files = files.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned()));
    Directory { name: name.to_owned(), files: files.collect() }
}

fn written(directory: &Directory) -> (Starter, Project) {
    let starter = starter(directory);
    let project = resolve(&starter.text, "ship.toml", None)
        .unwrap_or_else(|problems| panic!("{}\n{}", problem::render(&problems), starter.text));
    (starter, project)
}

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/config/starter").join(name)
}

/// The file and the notes, as a user sees them.
fn seen(directory: &Directory) -> String {
    let (starter, _) = written(directory);
    format!("{}\n- {}\n", starter.text, starter.notes.join("\n- "))
}

const RAILS_DOCKERFILE: &str = "FROM ruby:3.4 AS base\nWORKDIR /rails\nFROM base\nVOLUME /rails/storage\nEXPOSE 80\n";

#[test]
fn rails_as_it_is_generated() {
    let directory = directory(
        "My Blog",
        &[
            ("Dockerfile", RAILS_DOCKERFILE),
            ("Gemfile", "source \"https://rubygems.org\"\ngem \"rails\", \"~> 8.0\"\n"),
            ("package.json", "{}"),
            ("bin/jobs", ""),
            ("config/master.key", ""),
            ("config/routes.rb", "get \"up\" => \"rails/health#show\""),
            ("config/environments/production.rb", "  config.force_ssl = true\n"),
        ],
    );
    check(&case("rails_as_it_is_generated"), seen(&directory));
}

#[test]
fn old_rails_without_a_dockerfile_or_a_key() {
    let files = [("Gemfile", "gem 'rails', '6.1'"), ("config/routes.rb", "root 'posts#index'")];
    check(&case("old_rails_without_a_dockerfile_or_a_key"), seen(&directory("shop", &files)));
}

#[test]
fn django() {
    let manage = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')";
    check(&case("django"), seen(&directory("shop", &[("manage.py", manage)])));
}

#[test]
fn node_with_prisma() {
    let package = r#"{ "scripts": { "start": "node ." }, "dependencies": { "prisma": "6" } }"#;
    check(&case("node_with_prisma"), seen(&directory("api", &[("package.json", package)])));
}

#[test]
fn node_that_lacks_what_it_needs() {
    let package = r#"{ "devDependencies": { "prisma": "6" } }"#;
    let files = [("package.json", package), ("Dockerfile", "FROM node:22\n")];
    check(&case("node_that_lacks_what_it_needs"), seen(&directory("api", &files)));
}

#[test]
fn go_with_a_dockerfile_that_exposes_two_ports() {
    let files = [("go.mod", "module x"), ("Dockerfile", "FROM scratch\nEXPOSE 8080 9090\nVOLUME /data /var/data\n")];
    check(&case("go_with_a_dockerfile_that_exposes_two_ports"), seen(&directory("metrics", &files)));
}

#[test]
fn rust() {
    let files = [("Cargo.toml", "[package]\nname = \"little-server\"\n")];
    check(&case("rust"), seen(&directory("server", &files)));
}

#[test]
fn nothing_at_all() {
    check(&case("nothing_at_all"), seen(&directory("…", &[])));
}

#[test]
fn every_directory_name_becomes_an_app() {
    for (name, app) in [
        ("blog", "blog"),
        ("My Blog!", "my-blog"),
        ("-_-", "app"),
        ("", "app"),
        ("Ünïcode", "n-code"),
        (&"long ".repeat(20), "long-long-long-long-long-long-long-long"),
    ] {
        assert_eq!(written(&directory(name, &[])).1.scope.app.as_str(), app);
    }
}

#[test]
fn whatever_the_telling_files_say_the_result_resolves() {
    for file in TELLING {
        for content in
            ["", "\u{0}", "{", "[", "FROM x\nVOLUME [\"/a\\\"b\", \"/ü\", \"/data\", \"/x/data\"]\nEXPOSE 99999 0"]
        {
            let (_, project) = written(&directory("x", &[(file, content)]));
            assert!(!show::toml(&project).is_empty());
        }
    }
}
