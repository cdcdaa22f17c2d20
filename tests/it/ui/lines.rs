//! What a CI's log shows.

use ship::event::Event;
use ship::plan::Goal;
use ship::ui::lines::Lines;
use ship::ui::model::View;
use ship::ui::style::Style;

use super::fleet::{Paper, bytes, done, failed, finished, host, ms, output, r, started, step, tries, undo, undone};

/// The lines that events leave behind; in between the clock ticks every 100 ms, as in the reporter.
fn write(events: &[(u64, Event)], style: Style) -> String {
    let paper = Paper::default();
    let mut lines = Lines::new(Box::new(paper.clone()), style);
    let mut view = View::default();
    let mut now = 0;
    for (at, event) in events {
        while now + 100 <= *at {
            now += 100;
            lines.tick(&view, ms(now));
        }
        view.apply(event, ms(*at));
        lines.event(event, &view, ms(*at));
    }
    lines.finish();
    paper.text()
}

fn deploy() -> Vec<(u64, Event)> {
    vec![
        (0, started(&["web-1", "web-2"])),
        (0, step("web-1", 1, "push image blog-production:r43")),
        (0, step("web-2", 2, "push image blog-production:r43")),
        (1_000, bytes("web-1", 1, 1_000_000, 45_600_000)),
        (1_200, done("web-2", 2, 1_200, "1 of 9 layers, 20 kB")),
        (3_000, bytes("web-1", 1, 12_300_000, 45_600_000)),
        (14_000, done("web-1", 1, 14_000, "9 of 9 layers, 45.6 MB")),
        (14_000, step("web-1", 3, "run once: bin/rails db:migrate")),
        (14_500, output("web-1", 3, "\u{1b}[1m== AddCart: migrating\u{1b}[0m")),
        (14_600, output("web-1", 3, "10%\r50%\r100%")),
        (15_000, done("web-1", 3, 1_000, "")),
        (15_000, step("web-1", 4, "check 2 containers of web on port 3000 at /up")),
        (16_000, tries("web-1", 4, 4)),
        (20_000, done("web-1", 4, 5_000, "")),
        (20_000, finished(20_000)),
    ]
}

#[test]
fn a_deploy() {
    insta::assert_snapshot!(write(&deploy(), Style::PLAIN), @"
    deploying r43 to web-1, web-2
    web-2  push image blog-production:r43 (1 of 9 layers, 20 kB, 1.2 s)
    web-1  push image blog-production:r43: 1.0/45.6 MB, 333 kB/s, 2 min 14 s left
    web-1  push image blog-production:r43: 12.3/45.6 MB, 946 kB/s, 36 s left
    web-1  push image blog-production:r43 (9 of 9 layers, 45.6 MB, 14.0 s)
    web-1  run once: bin/rails db:migrate
    web-1  | == AddCart: migrating
    web-1  | 100%
    web-1  run once: bin/rails db:migrate (1.0 s)
    web-1  check 2 containers of web on port 3000 at /up: 3 s so far, 4 tries
    web-1  check 2 containers of web on port 3000 at /up (5.0 s)
    r43 is live (20.0 s)
    ");
}

#[test]
fn what_follows_the_hosts_stands_below_each_other() {
    let events = [
        (0, started(&["db", "web-10"])),
        (0, step("db", 1, "start a")),
        (0, step("web-10", 2, "start b")),
        (10, done("db", 1, 10, "")),
        (20, done("web-10", 2, 20, "")),
    ];
    insta::assert_snapshot!(write(&events, Style::PLAIN), @"
    deploying r43 to db, web-10
    db      start a (10 ms)
    web-10  start b (20 ms)
    ");
}

#[test]
fn colour_changes_no_word() {
    let colored = write(&deploy(), Style::COLORED);
    assert!(colored.contains('\u{1b}'));
    assert_eq!(console::strip_ansi_codes(&colored), write(&deploy(), Style::PLAIN));
}

#[test]
fn a_failed_deploy_with_its_undo() {
    let text = write(
        &[
            (0, started(&["web-1", "web-2"])),
            (0, step("web-1", 1, "check 2 containers of web, then move traffic to r43")),
            (0, step("web-2", 2, "check 2 containers of web, then move traffic to r43")),
            (500, done("web-1", 1, 500, "")),
            (900, failed("web-2", 2, "GET http://172.18.0.5:3000/up answered 503 for 30 s (12 tries)")),
            (900, undo("web-1")),
            (900, step("web-1", 3, "move traffic back to r42")),
            (950, done("web-1", 3, 50, "")),
            (950, undone("web-1", &[])),
            (950, undo("web-2")),
            (970, undone("web-2", &["blog-production-web-r43-1 still runs"])),
        ],
        Style::PLAIN,
    );
    insta::assert_snapshot!(text, @"
    deploying r43 to web-1, web-2
    web-1  check 2 containers of web, then move traffic to r43 (0.5 s)
    web-2  failed: check 2 containers of web, then move traffic to r43: GET http://172.18.0.5:3000/up answered 503 for 30 s (12 tries)
    web-1  undoing
    web-1  move traffic back to r42 (50 ms)
    web-1  undone
    web-2  undoing
    web-2  undone, but not: blog-production-web-r43-1 still runs
    ");
}

#[test]
fn the_other_goals() {
    let hosts = vec![host("web-1")];
    let rollback = [
        (0, Event::Started { goal: Goal::Rollback(r(41)), hosts: hosts.clone() }),
        (700, Event::Finished { live: Some(r(41)), took: ms(700) }),
    ];
    insta::assert_snapshot!(write(&rollback, Style::PLAIN), @"
    rolling back to r41 on web-1
    r41 is live (0.7 s)
    ");
    let remove =
        [(0, Event::Started { goal: Goal::Remove, hosts }), (700, Event::Finished { live: None, took: ms(700) })];
    insta::assert_snapshot!(write(&remove, Style::PLAIN), @"
    removing from web-1
    removed (0.7 s)
    ");
}

/// A pipe whose reader went away.
struct Gone;

impl std::io::Write for Gone {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_reader_that_goes_away_stops_nothing() {
    let mut lines = Lines::new(Box::new(Gone), Style::PLAIN);
    lines.note("nobody reads this");
    lines.finish();
}
