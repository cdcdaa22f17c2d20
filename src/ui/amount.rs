//! Bytes, speeds and spans as people read them: three digits say enough.

use std::time::Duration;

/// `0 B`, `950 B`, `1.2 kB`, `45 MB`, `1.3 GB`: decimal units, as networks and disks are sold.
pub fn bytes(count: u64) -> String {
    let (value, unit) = scaled(count);
    if unit == "B" { format!("{count} B") } else { format!("{} {unit}", digits(value)) }
}

/// `12.3/45.6 MB`, both in the unit of the total.
pub fn bytes_of(done: u64, total: u64) -> String {
    let (value, unit) = scaled(total);
    let factor = if unit == "B" { 1.0 } else { to_f64(total) / value };
    let precise = usize::from(unit != "B" && value < 100.0);
    format!("{:.precise$}/{value:.precise$} {unit}", to_f64(done) / factor)
}

/// `1.2 MB/s`.
pub fn speed(bytes_per_second: f64) -> String {
    format!("{}/s", bytes(from_f64(bytes_per_second)))
}

/// How long something took: `3 ms`, `0.4 s`, `12.3 s`, `2 min 5 s`, `1 h 2 min`.
pub fn took(span: Duration) -> String {
    match span.as_secs() {
        0 if span.as_millis() < 100 => format!("{} ms", span.as_millis()),
        0..60 => format!("{:.1} s", span.as_secs_f64()),
        _ => about(span),
    }
}

/// A span in whole seconds or larger units, the two largest of them: `12 s`, `2 min 5 s`, `3 h 10 min`, `2 days 4 h`.
pub fn about(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let two = |large: String, small: u64, unit: &str| match small {
        0 => large,
        small => format!("{large} {small} {unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(format!("{minutes} min"), seconds % 60, "s"),
        3_600..86_400 => two(format!("{hours} h"), minutes, "min"),
        _ => two(format!("{days} day{}", if days == 1 { "" } else { "s" }), hours, "h"),
    }
}

/// The value in the largest unit that leaves at least 1.
fn scaled(count: u64) -> (f64, &'static str) {
    let value = to_f64(count);
    // From here on the rounded value would show as 1000 of the smaller unit.
    match count {
        0..1_000 => (value, "B"),
        1_000..999_500 => (value / 1e3, "kB"),
        999_500..999_500_000 => (value / 1e6, "MB"),
        999_500_000..999_500_000_000 => (value / 1e9, "GB"),
        _ => (value / 1e12, "TB"),
    }
}

fn digits(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

#[expect(clippy::cast_precision_loss, reason = "only three digits are shown")]
pub(super) fn to_f64(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast saturates, and only digits are shown"
)]
fn from_f64(value: f64) -> u64 {
    value as u64
}
