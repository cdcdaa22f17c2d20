//! The fold from events to the view: success, failure at each step, interruption, and events that should not come.

use ship::event::Event;
use ship::ui::model::{End, Phase, TAIL, View};

use super::fleet::{bytes, done, failed, finished, fold, host, ms, output, r, started, step, tries, undo, undone};

/// The whole view as text, a line for each thing that it knows.
fn dump(view: &View) -> String {
    let mut lines = Vec::new();
    for host in &view.hosts {
        lines.push(format!("{} {:?}", host.host, host.phase));
        for ended in &host.ended {
            lines.push(format!(
                "  {} {} after {} ms: {:?}",
                ended.step,
                ended.words,
                ended.took.as_millis(),
                ended.end
            ));
        }
        for running in &host.running {
            lines.push(format!("  {} {} since {} ms", running.step, running.words, running.since.as_millis()));
        }
    }
    lines.extend(
        view.finished
            .map(|end| format!("live {:?} after {} ms", end.live.map(|n| n.to_string()), end.took.as_millis())),
    );
    lines.join("\n")
}

/// The steps of a small deploy on one host.
const STEPS: [&str; 5] = ["write the record", "push image", "create", "start", "check, then move traffic"];

/// A deploy in which the step of this index fails and all is undone.
fn failing_at(index: usize) -> Vec<(u64, Event)> {
    let mut events = vec![(0, started(&["web-1"]))];
    for (n, words) in STEPS.iter().enumerate().take(index + 1) {
        let (number, at) = (u32::try_from(n).unwrap() + 1, n as u64 * 100);
        events.push((at, step("web-1", number, words)));
        let end = if n == index { failed("web-1", number, "no") } else { done("web-1", number, 90, "") };
        events.push((at + 90, end));
    }
    events.push((1_000, undo("web-1")));
    events.push((1_100, undone("web-1", &[])));
    events
}

#[test]
fn a_success() {
    let view = fold(&[
        (0, started(&["web-1", "web-2"])),
        (10, step("web-1", 1, "push image")),
        (10, step("web-2", 2, "push image")),
        (40, done("web-1", 1, 30, "1 of 9 layers")),
        (50, step("web-1", 3, "start")),
        (60, done("web-2", 2, 50, "")),
        (90, done("web-1", 3, 40, "")),
        (100, finished(100)),
    ]);
    insta::assert_snapshot!(dump(&view), @r#"
    web-1 Done
      1 push image after 30 ms: Done { note: "1 of 9 layers" }
      3 start after 40 ms: Done { note: "" }
    web-2 Done
      2 push image after 50 ms: Done { note: "" }
    live Some("r43") after 100 ms
    "#);
}

#[test]
fn a_failure_at_each_step_is_undone() {
    for (index, words) in STEPS.into_iter().enumerate() {
        let view = fold(&failing_at(index));
        let (on, ended) = view.failed().unwrap();
        assert_eq!((on, ended.words.as_str()), (&host("web-1"), words));
        assert_eq!(ended.end, End::Failed { why: "no".to_owned() });
        assert_eq!(view.hosts[0].ended.len(), index + 1);
        assert_eq!(view.hosts[0].phase, Phase::Undone { left: Vec::new() });
        assert_eq!(view.finished, None);
    }
}

#[test]
fn an_interruption_cuts_short_what_runs() {
    let view = fold(&[
        (0, started(&["web-1", "web-2"])),
        (10, step("web-1", 1, "push image")),
        (500, undo("web-1")),
        (510, step("web-1", 2, "stop and keep a")),
        (520, done("web-1", 2, 10, "")),
        (530, undone("web-1", &["b still runs"])),
    ]);
    insta::assert_snapshot!(dump(&view), @r#"
    web-1 Undone { left: ["b still runs"] }
      1 push image after 490 ms: CutShort
      2 stop and keep a after 10 ms: Done { note: "" }
    web-2 Waiting
    "#);
    assert_eq!(view.failed(), None);
}

#[test]
fn a_dead_ship_leaves_a_view_of_what_ran() {
    let events = failing_at(4);
    for end in 0..events.len() {
        let view = fold(&events[..end]);
        assert!(view.hosts.iter().all(|host| host.running.len() <= 1));
    }
}

#[test]
fn late_double_and_unknown_events_do_no_harm() {
    let view = fold(&[
        (0, step("web-9", 1, "push image")),
        (1, step("web-9", 1, "push image")),
        (2, bytes("web-9", 77, 1, 2)),
        (3, done("web-9", 1, 3, "")),
        (4, done("web-9", 1, 3, "")),
        (5, bytes("web-9", 1, 1, 2)),
        (6, done("web-9", 78, 1, "")),
        (7, failed("web-9", 79, "no")),
        (8, finished(8)),
        (9, finished(8)),
    ]);
    insta::assert_snapshot!(dump(&view), @r#"
    web-9 Failed
      1 push image after 3 ms: Done { note: "" }
    live Some("r43") after 8 ms
    "#);
}

#[test]
fn progress_may_be_dropped_without_any_change_in_the_end() {
    let events = [
        (0, started(&["web-1"])),
        (0, step("web-1", 1, "push image")),
        (10, bytes("web-1", 1, 5, 10)),
        (20, tries("web-1", 1, 5)),
        (30, done("web-1", 1, 30, "")),
        (40, finished(40)),
    ];
    let milestones: Vec<_> =
        events.iter().filter(|(_, event)| !matches!(event, Event::Progress { .. })).cloned().collect();
    assert_eq!(fold(&events), fold(&milestones));
}

#[test]
fn speed_is_that_of_the_last_seconds() {
    let mut view = fold(&[(0, started(&["web-1"])), (0, step("web-1", 1, "push image"))]);
    // Ten seconds at 1 MB/s, then ten at 100 kB/s.
    for second in 1..=10 {
        view.apply(&bytes("web-1", 1, second * 1_000_000, 20_000_000), ms(second * 1_000));
    }
    let speed = |view: &View, at| view.hosts[0].running[0].transfer.as_ref().unwrap().speed(ms(at)).unwrap();
    assert!((speed(&view, 10_000) - 1_000_000.0).abs() < 1.0);
    for second in 1..=10 {
        view.apply(&bytes("web-1", 1, 10_000_000 + second * 100_000, 20_000_000), ms(10_000 + second * 1_000));
    }
    assert!((speed(&view, 20_000) - 100_000.0).abs() < 1.0, "{}", speed(&view, 20_000));
    let left = view.hosts[0].running[0].transfer.as_ref().unwrap().left(ms(20_000)).unwrap();
    assert_eq!(left.as_secs(), 90);
}

#[test]
fn a_push_that_begins_again_has_no_negative_speed() {
    let view = fold(&[
        (0, step("web-1", 1, "push image")),
        (1_000, bytes("web-1", 1, 5_000, 10_000)),
        (2_000, bytes("web-1", 1, 100, 10_000)),
        (3_000, bytes("web-1", 1, 1_100, 10_000)),
    ]);
    let transfer = view.hosts[0].running[0].transfer.as_ref().unwrap();
    assert!((transfer.speed(ms(3_000)).unwrap() - 1_000.0).abs() < 1.0);
}

#[test]
fn a_push_of_nothing_is_no_division_by_zero() {
    let view = fold(&[(0, step("web-1", 1, "push image")), (0, bytes("web-1", 1, 0, 0))]);
    let transfer = view.hosts[0].running[0].transfer.as_ref().unwrap();
    assert_eq!((transfer.speed(ms(0)), transfer.left(ms(500)), transfer.fraction().to_bits()), (None, None, 0));
}

#[test]
fn only_the_last_lines_of_output_are_kept() {
    let mut view = fold(&[(0, started(&["web-1"]))]);
    for n in 0..100 {
        view.apply(&output("web-1", 1, &format!("line {n}")), ms(n));
    }
    let tail = &view.hosts[0].tail;
    assert_eq!(tail.len(), TAIL);
    assert_eq!(tail.back().map(String::as_str), Some("line 99"));
}

#[test]
fn the_goal_is_remembered() {
    let view = fold(&[(0, started(&["web-1"]))]);
    assert_eq!(view.goal.and_then(ship::plan::Goal::release), Some(r(43)));
    assert_eq!(view.find(&host("web-1")).map(|host| &host.phase), Some(&Phase::Waiting));
    assert_eq!(view.find(&host("web-2")), None);
}
