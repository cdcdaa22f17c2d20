//! Bytes, speeds, spans and ages as people read them.

use ship::ui::amount::{about, bytes, bytes_of, speed, took};
use ship::ui::moment::{age, lasted};

use super::fleet::{NOW, ms};

#[test]
fn bytes_have_three_digits_at_most() {
    let all = [0, 999, 1_000, 9_949, 9_951, 45_600, 999_499, 999_500, 1_234_567, 318_000_000, 999_999_999, 5 << 40];
    let text = all.map(bytes).join(", ");
    insta::assert_snapshot!(text, @"0 B, 999 B, 1.0 kB, 9.9 kB, 10 kB, 46 kB, 999 kB, 1.0 MB, 1.2 MB, 318 MB, 1.0 GB, 5.5 TB");
}

#[test]
fn both_amounts_of_a_transfer_have_the_unit_of_the_total() {
    let all = [(0, 0), (5, 10), (500, 45_600_000), (12_300_000, 45_600_000), (318_000_000, 318_000_000)];
    let text = all.map(|(done, total)| bytes_of(done, total)).join(", ");
    insta::assert_snapshot!(text, @"0/0 B, 5/10 B, 0.0/45.6 MB, 12.3/45.6 MB, 318/318 MB");
    insta::assert_snapshot!(speed(1_234_567.8), @"1.2 MB/s");
}

#[test]
fn spans_are_short() {
    let all = [0, 99, 100, 1_250, 59_900, 60_000, 125_000, 3_600_000, 11_400_000, 90_000_000, 864_000_000];
    insta::assert_snapshot!(all.map(|millis| took(ms(millis))).join(", "), @"0 ms, 99 ms, 0.1 s, 1.2 s, 59.9 s, 1 min, 2 min 5 s, 1 h, 3 h 10 min, 1 day 1 h, 10 days");
    insta::assert_snapshot!(all.map(|millis| about(ms(millis))).join(", "), @"0 s, 0 s, 0 s, 1 s, 59 s, 1 min, 2 min 5 s, 1 h, 3 h 10 min, 1 day 1 h, 10 days");
}

#[test]
fn ages_have_one_unit() {
    let all = [
        "2026-11-21T12:00:03Z",
        "2026-11-21T11:59:58Z",
        "2026-11-21T11:59:30Z",
        "2026-11-21T11:58:59.5Z",
        "2026-11-21T13:00:00+02:00",
        "2026-11-20T11:00:00Z",
        "2026-11-01T11:00:00Z",
        "yesterday",
    ];
    insta::assert_snapshot!(all.map(|then| age(then, NOW)).join(", "), @"just now, just now, 30 s ago, 1 min ago, 1 h ago, 1 day ago, 20 days ago, yesterday");
    assert_eq!(lasted("yesterday", NOW), None);
}
