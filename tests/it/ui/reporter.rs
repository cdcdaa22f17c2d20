//! Events from many threads on one display.

use std::collections::BTreeSet;

use ship::ui::model::Phase;
use ship::ui::reporter::{Mode, Reporter};
use ship::ui::style::{Style, Surroundings};

use super::fleet::{Paper, done, finished, started, step};

#[test]
fn events_from_many_threads_all_arrive_as_whole_lines() {
    let paper = Paper::default();
    let reporter = Reporter::new(Mode::Lines(Box::new(paper.clone()), Style::PLAIN));
    let names: Vec<String> = (0..8).map(|n| format!("web-{n}")).collect();
    reporter.tell(&started(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    std::thread::scope(|scope| {
        for name in &names {
            scope.spawn(|| {
                for number in 0..50 {
                    reporter.tell(&step(name, number, &format!("step {number}")));
                    reporter.tell(&done(name, number, 1, ""));
                }
            });
        }
    });
    reporter.note("a note");
    reporter.tell(&finished(1));
    let view = reporter.finish();
    assert!(view.hosts.iter().all(|host| host.phase == Phase::Done && host.ended.len() == 50));
    let text = paper.text();
    assert_eq!(text.lines().collect::<BTreeSet<_>>().len(), 8 * 50 + 3);
    assert!(text.ends_with("a note\nr43 is live (1 ms)\n"), "{text}");
}

#[test]
fn json_gets_every_event_and_silence_none() {
    let paper = Paper::default();
    let reporter = Reporter::new(Mode::Json(Box::new(paper.clone())));
    reporter.tell(&started(&["web-1"]));
    reporter.note("hello");
    drop(reporter);
    assert_eq!(paper.text().lines().count(), 2);
    let silent = Reporter::new(Mode::Silent);
    silent.tell(&started(&["web-1"]));
    assert_eq!(silent.finish().hosts.len(), 1);
}

#[test]
fn the_display_follows_from_the_surroundings() {
    let pipe = Surroundings::default();
    let terminal = Surroundings { stderr_is_terminal: true, ..Surroundings::default() };
    assert!(matches!(Mode::choose(true, &terminal), Mode::Json(_)));
    assert!(matches!(Mode::choose(false, &terminal), Mode::Bars(_)));
    assert!(matches!(Mode::choose(false, &pipe), Mode::Lines(..)));
}
