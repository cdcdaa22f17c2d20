//! Every state that a working tree can be in.

use std::path::Path;
use std::time::Duration;

use ship::local::git::{Git, Look};
use ship::local::process::Program;
use tempfile::TempDir;

/// Runs git as a user without any configuration.
async fn git(directory: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com", "-c", "init.defaultBranch=main"];
    let program = Program::new("git", "git").args(identity).args(arguments).directory(directory);
    let program = program.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    String::from_utf8(program.captured().await.unwrap().stdout).unwrap().trim().to_owned()
}

async fn repository() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    git(directory.path(), &["init", "-q"]).await;
    std::fs::write(directory.path().join("a"), "1").unwrap();
    directory
}

async fn committed() -> TempDir {
    let directory = repository().await;
    git(directory.path(), &["add", "-A"]).await;
    git(directory.path(), &["commit", "-q", "-m", "Say \"hällo\"\n\nand more"]).await;
    directory
}

async fn look(directory: &Path) -> Look {
    Git::default().look(directory, "ana@laptop".to_owned()).await
}

#[tokio::test]
async fn a_clean_commit_on_a_branch() {
    let directory = committed().await;
    let Look { source, note } = look(directory.path()).await;
    assert_eq!(source.commit, Some(git(directory.path(), &["rev-parse", "HEAD"]).await));
    assert_eq!(source.subject.as_deref(), Some("Say \"hällo\""));
    assert_eq!(source.branch.as_deref(), Some("main"));
    assert_eq!(source.by, "ana@laptop");
    assert!(!source.dirty);
    assert_eq!(note, None);
}

#[tokio::test]
async fn changed_staged_and_new_files_make_it_dirty_and_ignored_ones_do_not() {
    let directory = committed().await;
    std::fs::write(directory.path().join(".git/info/exclude"), "*.log\n").unwrap();
    std::fs::write(directory.path().join("x.log"), "").unwrap();
    assert!(!look(directory.path()).await.source.dirty);
    std::fs::write(directory.path().join("new"), "").unwrap();
    assert!(look(directory.path()).await.source.dirty);
    git(directory.path(), &["add", "new"]).await;
    assert!(look(directory.path()).await.source.dirty);
    git(directory.path(), &["commit", "-q", "-m", "More"]).await;
    std::fs::write(directory.path().join("a"), "22").unwrap();
    assert!(look(directory.path()).await.source.dirty);
}

#[tokio::test]
async fn changes_elsewhere_in_the_repository_do_not_count() {
    let directory = committed().await;
    std::fs::create_dir(directory.path().join("app")).unwrap();
    std::fs::write(directory.path().join("a"), "22").unwrap();
    let look = look(&directory.path().join("app")).await;
    assert!(!look.source.dirty);
    assert!(look.source.commit.is_some());
}

#[tokio::test]
async fn no_commit_yet() {
    let directory = repository().await;
    let Look { source, note } = look(directory.path()).await;
    assert_eq!((source.commit, source.subject), (None, None));
    assert_eq!(source.branch.as_deref(), Some("main"));
    assert!(source.dirty);
    assert_eq!(note, None);
}

#[tokio::test]
async fn a_detached_head_has_no_branch() {
    let directory = committed().await;
    git(directory.path(), &["checkout", "-q", "--detach"]).await;
    let source = look(directory.path()).await.source;
    assert_eq!(source.branch, None);
    assert!(source.commit.is_some());
}

#[tokio::test]
async fn a_second_working_tree() {
    let directory = committed().await;
    let second = directory.path().join("second");
    git(directory.path(), &["worktree", "add", "-q", "-b", "fix", second.to_str().unwrap()]).await;
    let source = look(&second).await.source;
    assert_eq!(source.branch.as_deref(), Some("fix"));
    assert!(!source.dirty);
}

#[tokio::test]
async fn outside_of_a_repository_and_without_git() {
    let directory = tempfile::tempdir().unwrap();
    let outside = look(directory.path()).await;
    assert_eq!((outside.source.commit, outside.source.dirty, outside.note), (None, false, None));
    let without = Git::new("git-that-is-not").look(directory.path(), "ana@laptop".to_owned()).await;
    assert_eq!((without.source.by.as_str(), without.note), ("ana@laptop", None));
}

#[tokio::test]
async fn a_repository_that_git_refuses_to_read_is_said() {
    let directory = committed().await;
    std::fs::write(directory.path().join("git"), "#!/bin/sh\necho 'fatal: detected dubious ownership' >&2\nprintf '\\n\\tgit config --global --add safe.directory /srv/app\\n' >&2\nexit 128\n")
        .unwrap();
    // A script of its own instead of another user: tests do not run as root everywhere.
    let script = directory.path().join("git");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut look = Git::new(&script).look(directory.path(), "ana@laptop".to_owned()).await;
    for _ in 0..20 {
        // A file that was just written can be open in a process that another test is starting.
        if look.note.as_ref().is_some_and(|note| note.contains("busy") || note.contains("start")) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            look = Git::new(&script).look(directory.path(), "ana@laptop".to_owned()).await;
        }
    }
    assert!(look.note.unwrap().contains("`git config --global --add safe.directory /srv/app`"));
    assert_eq!(look.source.commit, None);
}
