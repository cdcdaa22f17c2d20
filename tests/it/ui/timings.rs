//! `--timings`.

use std::collections::BTreeMap;

use ship::ui::style::Style;
use ship::ui::timings_view::text;

use super::fleet::{done, failed, finished, fold, host, started, step, undo};

#[test]
fn every_step_with_its_time() {
    let view = fold(&[
        (0, started(&["web-1"])),
        (0, step("web-1", 1, "push image blog-production:r43")),
        (0, step("web-1", 2, "make sure of network blog-production")),
        (30, done("web-1", 2, 30, "")),
        (1_200, done("web-1", 1, 1_200, "3 of 9 layers")),
        (1_300, finished(1_300)),
    ]);
    insta::assert_snapshot!(text(&view, &BTreeMap::from([(host("web-1"), 11)]), Style::PLAIN, Some(80)), @"
    host   took   step
    web-1  30 ms  make sure of network blog-production
    web-1  1.2 s  push image blog-production:r43
    web-1: 11 sequential round trips
    in all: 1.3 s
    ");
}

#[test]
fn of_a_failure_too() {
    let view = fold(&[
        (0, started(&["web-1"])),
        (0, step("web-1", 1, "start a")),
        (0, step("web-1", 2, "start b")),
        (1_200, failed("web-1", 1, "no")),
        (1_300, undo("web-1")),
    ]);
    insta::assert_snapshot!(text(&view, &BTreeMap::new(), Style::PLAIN, None), @"
    host   took   step
    web-1  1.2 s  start a (failed)
    web-1  1.3 s  start b (cut short)
    ");
}
