//! What a person sees on a terminal while ship works.

use indicatif::{InMemoryTerm, ProgressDrawTarget};
use ship::event::Event;
use ship::ui::bars::Bars;
use ship::ui::frame::Size;
use ship::ui::model::View;
use ship::ui::style::Style;

use super::fleet::{bytes, done, failed, finished, ms, output, started, step, undo, undone};

const SIZE: Size = Size { width: 80, height: 12 };

/// What a terminal shows after each of the events.
fn show(events: &[(u64, Event)]) -> (InMemoryTerm, Bars) {
    let term = InMemoryTerm::new(12, 80);
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(term.clone()), 255);
    let bars = Bars::on(target, Style::PLAIN, || SIZE);
    let mut view = View::default();
    for (at, event) in events {
        view.apply(event, ms(*at));
        bars.event(event, &view, ms(*at));
        bars.tick(&view, ms(*at));
        // indicatif draws at most 255 times a second.
        std::thread::sleep(ms(8));
    }
    bars.tick(&view, ms(events.last().map_or(0, |(at, _)| *at)));
    (term, bars)
}

#[test]
fn a_push_has_a_bar_and_what_took_long_stays_above_it() {
    let (term, _bars) = show(&[
        (0, started(&["web-1", "web-2"])),
        (0, step("web-1", 1, "write the record of r43")),
        (5, done("web-1", 1, 5, "")),
        (10, step("web-1", 2, "push image blog-production:r43")),
        (10, step("web-2", 3, "push image blog-production:r43")),
        (2_000, done("web-2", 3, 1_990, "3 of 9 layers, 1.2 MB")),
        (2_010, step("web-2", 4, "run once: bin/rails db:migrate")),
        (2_020, output("web-2", 4, "== 20261121 AddCart: \u{1b}[32mmigrated\u{1b}[0m")),
        (2_030, bytes("web-1", 2, 12_300_000, 45_600_000)),
    ]);
    insta::assert_snapshot!(term.contents(), @"
    deploying r43 to web-1, web-2
    web-2  push image blog-production:r43 (3 of 9 layers, 1.2 MB, 2.0 s)
    web-2  | == 20261121 AddCart: migrated
    web-1  push image blog-production…  ━━━───────  12.3/45.6 MB  6.1 MB/s  6 s left
    web-2  run once: bin/rails db:migrate
    ");
}

#[test]
fn the_frame_goes_when_all_is_done() {
    let (term, bars) = show(&[
        (0, started(&["web-1"])),
        (0, step("web-1", 1, "start blog-production-web-r43-1")),
        (400, done("web-1", 1, 400, "")),
        (500, finished(500)),
    ]);
    bars.finish();
    insta::assert_snapshot!(term.contents(), @"
    deploying r43 to web-1
    r43 is live (0.5 s)
    ");
}

#[test]
fn a_failure_with_its_undo() {
    let (term, bars) = show(&[
        (0, started(&["web-1", "web-2"])),
        (0, step("web-1", 1, "check 2 containers of web on port 3000 at /up")),
        (0, step("web-2", 2, "check 2 containers of web on port 3000 at /up")),
        (900, failed("web-2", 2, "GET http://172.18.0.5:3000/up answered 503 for 30 s (12 tries)")),
        (901, undo("web-1")),
        (950, undone("web-1", &[])),
        (951, undo("web-2")),
        (960, undone("web-2", &["blog-production-web-r43-1 still runs"])),
    ]);
    bars.finish();
    insta::assert_snapshot!(term.contents(), @"
    deploying r43 to web-1, web-2
    web-2  failed: check 2 containers of web on port 3000 at /up: GET http://172.18.
    0.5:3000/up answered 503 for 30 s (12 tries)
    web-1  undoing
    web-1  undone
    web-2  undoing
    web-2  undone, but not: blog-production-web-r43-1 still runs
    ");
}
