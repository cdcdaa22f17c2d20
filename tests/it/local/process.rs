//! Programs: what they write, how they end, and that they do not outlive us.

use std::io::Read;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ship::diagnostic::Hint;
use ship::local::process::{ProcessError, Program};

fn shell(script: &str) -> Program {
    Program::new("sh", "a script").args(["-c", script])
}

#[tokio::test]
async fn output_is_captured_as_it_is() {
    let captured = shell("printf 'a\\0b\\n\\n'; echo warning >&2").captured().await.unwrap();
    assert_eq!(captured.stdout, b"a\0b\n\n");
    assert_eq!(captured.stderr, ["warning"]);
}

#[tokio::test]
async fn standard_input_is_empty_and_the_environment_is_ours_but_for_what_was_said() {
    let program = shell("cat; printf '%s,%s,%s' \"$A\" \"${HOME:+home}\" \"$PWD\"");
    let program = program.env("A", "1").env("HOME", "").without_env("HOME").directory(Path::new("/"));
    assert_eq!(program.captured().await.unwrap().stdout, b"1,,/");
}

#[tokio::test]
async fn a_failure_has_its_exit_code_and_its_last_lines() {
    let error = shell("for n in $(seq 50); do echo line $n >&2; done; echo out; exit 7").captured().await.unwrap_err();
    assert_eq!(error.to_string(), "`a script` failed with exit code 7: line 50");
    assert_eq!(error.lines().len(), 40);
    assert_eq!(error.lines()[0], "line 11");
    let error = shell("kill -9 $$").captured().await.unwrap_err();
    assert_eq!(error.to_string(), "`a script` was ended by a signal");
}

#[tokio::test]
async fn a_program_that_is_not_there_says_what_to_install() {
    let error = Program::new("docker-that-is-not", "docker build").captured().await.unwrap_err();
    assert_eq!(error.to_string(), "`docker-that-is-not` is not installed, or not in PATH");
    assert!(!error.hints().is_empty());
    let error = shell("true").directory(Path::new("/nowhere")).captured().await.unwrap_err();
    assert!(matches!(error, ProcessError::NoDirectory { .. }), "{error}");
    let error = Program::new("/etc/passwd", "passwd").captured().await.unwrap_err();
    assert!(matches!(error, ProcessError::Start { .. }), "{error}");
}

#[tokio::test]
async fn lines_are_told_as_they_come() {
    let started = Instant::now();
    let told = Mutex::new(Vec::new());
    let tell = |line: &str| told.lock().unwrap().push((line.to_owned(), started.elapsed()));
    shell("echo one; sleep 0.3; echo two >&2; printf '10%%\\r100%%\\r\\nlast'").lines(&tell).await.unwrap();
    let told = told.into_inner().unwrap();
    let lines: Vec<&str> = told.iter().map(|(line, _)| line.as_str()).collect();
    let mut sorted = lines.clone();
    sorted.sort_unstable();
    assert_eq!(lines[0], "one");
    assert_eq!(sorted, ["100%", "last", "one", "two"]);
    assert!(told[0].1 + Duration::from_millis(200) < told[3].1, "the first did not wait for the last: {told:?}");
}

#[tokio::test]
async fn a_stream_is_read_elsewhere() {
    let (mut pipe, streaming) = shell("head -c 3000000 /dev/zero; echo bad >&2; exit 3").streaming().unwrap();
    let read = tokio::task::spawn_blocking(move || pipe.read_to_end(&mut Vec::new()).unwrap());
    assert_eq!(read.await.unwrap(), 3_000_000);
    let error = streaming.finish().await.unwrap_err();
    assert_eq!(error.to_string(), "`a script` failed with exit code 3: bad");
}

#[tokio::test]
async fn what_is_not_waited_for_dies_with_all_that_it_started() {
    let directory = tempfile::tempdir().unwrap();
    let script = "sleep 61 & echo $! $$ > pids; sleep 62";
    let limited = shell(script).directory(directory.path());
    let pids = directory.path().join("pids");
    let ended = tokio::time::timeout(Duration::from_millis(500), limited.captured()).await;
    assert!(ended.is_err());
    let pids = std::fs::read_to_string(pids).unwrap();
    let alive = |pid: &&str| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !status.is_empty() && !status.contains(") Z ")
    };
    let deadline = Instant::now() + Duration::from_secs(5);
    while pids.split_whitespace().any(|pid| alive(&pid)) {
        assert!(Instant::now() < deadline, "{pids} still run");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
