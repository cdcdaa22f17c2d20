//! Secrets from everywhere, and errors that do not give them away.

use std::collections::BTreeMap;
use std::fs;

use ship::config::SecretSource;
use ship::diagnostic::Hint;
use ship::local::secrets::{SecretsError, resolve};
use ship::release::{Secrets, TLS_KEY};
use tempfile::TempDir;

fn project() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn fetch(project: &TempDir, sources: Vec<(&str, SecretSource)>) -> Result<Secrets, SecretsError> {
    let sources: BTreeMap<_, _> = sources.into_iter().map(|(name, source)| (name.to_owned(), source)).collect();
    let environment = |name: &str| match name {
        "SET" => Some("from outside\n".to_owned()),
        "HOLLOW" => Some(String::new()),
        _ => None,
    };
    resolve(&sources, project.path(), &environment).await
}

fn file(path: &str) -> SecretSource {
    SecretSource::File(path.into())
}

fn command(words: &[&str]) -> SecretSource {
    SecretSource::Command(words.iter().map(|&word| word.to_owned()).collect())
}

#[tokio::test]
async fn values_are_taken_byte_for_byte_but_for_one_newline() {
    let project = project();
    for (name, content) in
        [("plain", "s3cret"), ("line", "s3cret\n"), ("lines", "a\nb\n\n"), ("windows", "a\r\n"), ("quotes", "'\"$x\t")]
    {
        fs::write(project.path().join(name), content).unwrap();
    }
    let names = ["plain", "line", "lines", "windows", "quotes"];
    let mut sources: Vec<_> = names.iter().map(|name| (*name, file(name))).collect();
    sources.push(("outside", SecretSource::Env("SET".to_owned())));
    sources.push(("said", command(&["printf", "x y\\n"])));
    sources.push(("here", command(&["cat", "line"])));
    let secrets = fetch(&project, sources).await.unwrap();
    let expected = [
        ("here", "s3cret"),
        ("line", "s3cret"),
        ("lines", "a\nb\n"),
        ("outside", "from outside\n"),
        ("plain", "s3cret"),
        ("quotes", "'\"$x\t"),
        ("said", "x y"),
        ("windows", "a"),
    ];
    assert_eq!(secrets.reveal().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn all_problems_are_told_at_once_and_none_tells_a_value() {
    let project = project();
    fs::write(project.path().join("empty"), "\n").unwrap();
    fs::write(project.path().join("binary"), b"hunter2\xff").unwrap();
    fs::write(project.path().join("zero"), b"hunter2\0").unwrap();
    let sources = vec![
        ("A", file("config/master.key")),
        ("B", SecretSource::Env("UNSET".to_owned())),
        ("C", command(&["sh", "-c", "echo hunter2; echo 'vault is locked' >&2; exit 3"])),
        ("D", file("empty")),
        ("E", file("binary")),
        ("F", file("zero")),
        ("G", SecretSource::Env("HOLLOW".to_owned())),
        ("H", command(&["op-that-is-not", "read", "x"])),
        ("I", SecretSource::Env("SET".to_owned())),
        (TLS_KEY, file("key.pem")),
    ];
    let error = fetch(&project, sources).await.unwrap_err();
    let told: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
    let path = project.path().display();
    assert_eq!(
        told,
        [
            format!("secret A: read {path}/config/master.key: No such file or directory (os error 2)"),
            "secret B: environment variable UNSET is not set".to_owned(),
            "secret C: command `sh -c echo hunter2; echo 'vault is locked' >&2; exit 3` failed with exit code 3: \
             vault is locked"
                .to_owned(),
            "secret D: file empty is empty".to_owned(),
            "secret E: file binary is not text: a secret must be UTF-8 without zero bytes".to_owned(),
            "secret F: file zero is not text: a secret must be UTF-8 without zero bytes".to_owned(),
            "secret G: environment variable HOLLOW is empty".to_owned(),
            "secret H: command `op-that-is-not` is not installed, or not in PATH".to_owned(),
            format!("secret {TLS_KEY}: read {path}/key.pem: No such file or directory (os error 2)"),
        ]
    );
    assert_eq!(error.output(), ["C | vault is locked"]);
    let hints = error.hints().join("\n");
    assert!(
        hints.contains("export UNSET=…") && hints.contains("`secrets.A`") && hints.contains("`proxy.tls.key`"),
        "{hints}"
    );
}
