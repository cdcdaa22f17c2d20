//! One picture of a view, at several sizes of the terminal.

use ship::event::Event;
use ship::ui::frame::{Size, lines};
use ship::ui::model::View;
use ship::ui::style::Style;

use super::fleet::{bytes, done, failed, finished, fold, ms, started, step, tries, undo, undone};

fn draw(view: &View, at: u64, width: usize, height: usize) -> String {
    let lines = lines(view, ms(at), Size { width, height }, Style::PLAIN);
    for line in &lines {
        assert!(console::measure_text_width(line) <= width, "wider than {width}: {line}");
    }
    lines.join("\n")
}

fn pushing() -> View {
    fold(&[
        (0, started(&["web-1", "web-2", "db"])),
        (0, step("web-1", 1, "push image blog-production:r43")),
        (0, step("web-2", 2, "push image blog-production:r43")),
        (0, step("web-2", 3, "make sure of volume blog-production-storage")),
        (4_000, bytes("web-1", 1, 12_300_000, 45_600_000)),
        (4_000, bytes("web-2", 2, 40_000_000, 45_600_000)),
    ])
}

#[test]
fn a_push_at_several_widths() {
    let view = pushing();
    insta::assert_snapshot!(draw(&view, 4_000, 120, 24), @"
    web-1  push image blog-production:r43                  ━━━━━───────────────  12.3/45.6 MB  3.1 MB/s  11 s left
    web-2  push image blog-production:r43 +1                 ━━━━━━━━━━━━━━━━━━──  40.0/45.6 MB  10 MB/s  1 s left
    db     waiting
    ");
    insta::assert_snapshot!(draw(&view, 4_000, 80, 24), @"
    web-1  push image blog-productio…  ━━━───────  12.3/45.6 MB  3.1 MB/s  11 s left
    web-2  push image blog-producti… +1  ━━━━━━━━━─  40.0/45.6 MB  10 MB/s  1 s left
    db     waiting
    ");
    insta::assert_snapshot!(draw(&view, 4_000, 60, 24), @"
    web-1  push image blog-…  ━━━───────  12.3/45.6 MB  3.1 MB/s
    web-2  push image blo… +1  ━━━━━━━━━─  40.0/45.6 MB  10 MB/s
    db     waiting
    ");
    insta::assert_snapshot!(draw(&view, 4_000, 40, 24), @"
    web-1  push ima…  12.3/45.6 MB  3.1 MB/s
    web-2  push i… +1  40.0/45.6 MB  10 MB/s
    db     waiting
    ");
    insta::assert_snapshot!(draw(&view, 4_000, 20, 24), @"
    web-1  push i…  27 %
    web-2  pus… +1  88 %
    db     waiting
    ");
}

#[test]
fn a_width_of_nothing_is_no_reason_to_fail() {
    let view = pushing();
    for width in 0..12 {
        let _ = lines(&view, ms(4_000), Size { width, height: 1 }, Style::COLORED);
    }
}

#[test]
fn a_stalled_push_slows_down() {
    let view = pushing();
    insta::assert_snapshot!(draw(&view, 4_500, 80, 24), @"
    web-1  push image blog-productio…  ━━━───────  12.3/45.6 MB  2.7 MB/s  13 s left
    web-2  push image blog-product… +1  ━━━━━━━━━─  40.0/45.6 MB  8.9 MB/s  1 s left
    db     waiting
    ");
    insta::assert_snapshot!(draw(&view, 64_000, 80, 24), @"
    web-1  push image blog-pro…  ━━━───────  12.3/45.6 MB  192 kB/s  2 min 54 s left
    web-2  push image blog-product… +1  ━━━━━━━━━─  40.0/45.6 MB  625 kB/s  9 s left
    db     waiting
    ");
}

#[test]
fn waiting_shows_how_long() {
    let view = fold(&[
        (0, started(&["web-1"])),
        (0, step("web-1", 1, "check 2 containers of web on port 3000 at /up (at most 30 s), then move traffic to r43")),
        (6_000, tries("web-1", 1, 9)),
    ]);
    insta::assert_snapshot!(draw(&view, 500, 80, 24), @"web-1  check 2 containers of web on port 3000 at /up (at most 30 s), then move …");
    insta::assert_snapshot!(draw(&view, 7_200, 80, 24), @"web-1  check 2 containers of web on port 3000 at /up (at most 30 …  7 s, 9 tries");
    insta::assert_snapshot!(draw(&view, 7_200, 36, 24), @"web-1  check 2 contai…  7 s, 9 tries");
}

#[test]
fn every_phase() {
    let view = fold(&[
        (0, started(&["a", "b", "c", "d", "e", "f"])),
        (0, step("a", 1, "start blog-production-web-r43-1")),
        (10, failed("a", 1, "the container exited with 1")),
        (10, step("b", 2, "start blog-production-web-r43-1")),
        (20, undo("b")),
        (20, step("b", 9, "stop and keep blog-production-web-r43-1")),
        (20, undo("c")),
        (30, undone("c", &[])),
        (20, undo("d")),
        (30, undone("d", &["route of blog-production", "blog-production-web-r43-1"])),
        (20, step("e", 3, "start blog-production-web-r43-1")),
        (25, done("e", 3, 5, "")),
    ]);
    insta::assert_snapshot!(draw(&view, 40, 80, 24), @"
    a  failed: the container exited with 1
    b  undo: stop and keep blog-production-web-r43-1
    c  undone
    d  undone, but not: route of blog-production; blog-production-web-r43-1
    e  start blog-production-web-r43-1
    f  waiting
    ");
}

#[test]
fn many_hosts_in_a_low_terminal_show_the_busy_ones() {
    let names: Vec<String> = (1..=12).map(|n| format!("web-{n}")).collect();
    let mut events: Vec<(u64, Event)> = vec![(0, started(&names.iter().map(String::as_str).collect::<Vec<_>>()))];
    for name in &names[8..] {
        events.push((0, step(name, 1, "push image blog-production:r43")));
    }
    insta::assert_snapshot!(draw(&fold(&events), 2_000, 60, 7), @"
    web-9   push image blog-production:r43                   2 s
    web-10  push image blog-production:r43                   2 s
    web-11  push image blog-production:r43                   2 s
    web-12  push image blog-production:r43                   2 s
    web-1   waiting
    and 7 more hosts: 7 waiting
    ");
}

#[test]
fn done_says_how_long_the_actions_took() {
    let view = fold(&[
        (0, started(&["web-1"])),
        (0, step("web-1", 1, "start blog-production-web-r43-1")),
        (2_100, done("web-1", 1, 2_100, "")),
        (2_100, finished(2_100)),
    ]);
    insta::assert_snapshot!(draw(&view, 2_100, 80, 24), @"web-1  done in 2.1 s");
}
