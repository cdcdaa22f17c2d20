//! How often ship waits for the network, and how long a person waits for ship.

use std::time::{Duration, Instant};

use super::support::running::Ran;
use super::support::{Bench, Project, image, toml};

#[test]
fn a_slow_link_costs_few_round_trips() {
    let bench = Bench::up(&["spe-slow"], &["--docker", "--delay", "40ms", "--rate", "20mbit"]);
    let project = Project::ready(&bench, &["spe-slow"], &toml("blog", &["spe-slow"], ""));
    project.deploys(&image("v1"));
    let deploy = round_trips(&project.ship(&["deploy", "--timings", "--image", &image("v2")]).ok());
    let rollback = round_trips(&project.ship(&["rollback", "--timings"]).ok());
    assert!(deploy <= 12, "a deploy of a changed app waits for {deploy} round trips");
    assert!(rollback <= 8, "a rollback waits for {rollback} round trips");

    bench.net("spe-slow", &["slow", "--delay", "100ms"]);
    let status = fastest(3, || drop(project.ship(&["status"]).ok()));
    assert!(status < Duration::from_secs(2), "`ship status` takes {status:?} at 100 ms");
}

/// `spe-slow: 11 sequential round trips`
#[track_caller]
fn round_trips(ran: &Ran) -> u32 {
    let before = ran.stderr.split(" sequential round trip").next().filter(|before| before.len() < ran.stderr.len());
    let count = before.and_then(|before| before.rsplit(' ').next()).and_then(|word| word.parse().ok());
    count.unwrap_or_else(|| panic!("no round trips in:\n{}", ran.stderr))
}

#[test]
fn help_and_version_are_there_at_once() {
    let project = Project::new(&Bench::empty(), &[], "");
    for argument in ["--version", "--help"] {
        let time = fastest(20, || assert!(project.command(&[argument]).output().unwrap().status.success()));
        assert!(time < Duration::from_millis(10), "`ship {argument}` takes {time:?}");
    }
}

/// What it takes when nothing else gets in the way.
fn fastest(times: u32, run: impl Fn()) -> Duration {
    let time = |_| {
        let begun = Instant::now();
        run();
        begun.elapsed()
    };
    (0..times).map(time).min().unwrap()
}
