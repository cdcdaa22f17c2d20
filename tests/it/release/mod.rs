//! Releases: the state table, the ledger's chain, and what its lines add up to.

use ship::name::{Digest, ReleaseNumber};
use ship::release::Source;
use ship::release::history::History;
use ship::release::ledger::{self, Event, Position};
use ship::release::state::{State, Transition};

fn number(number: u32) -> ReleaseNumber {
    number.to_string().parse().unwrap()
}

fn planned() -> Event {
    let image: Digest = format!("sha256:{:064}", 1).parse().unwrap();
    Event::Planned { image, source: Source::default(), from: None }
}

fn write(events: &[(u32, Event)]) -> String {
    let mut position = Position::default();
    let mut text = String::new();
    for (release, event) in events {
        let at = format!("2026-11-21T03:00:{:02}Z", position.seq);
        let line = ledger::line(&position, at, "ana@laptop".into(), number(*release), event.clone());
        position = position.after(&line);
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn damage(text: &str) -> String {
    ledger::read(text.as_bytes()).and_then(|lines| History::fold(&lines)).unwrap_err().to_string()
}

fn two_releases() -> Vec<(u32, Event)> {
    vec![
        (1, planned()),
        (1, Event::Staged),
        (1, Event::Healthy),
        (1, Event::Live),
        (2, planned()),
        (2, Event::Staged),
        (2, Event::Healthy),
        (2, Event::Live),
        (1, Event::Superseded { by: number(2) }),
    ]
}

/// The whole table: a change of meaning is a change of this text.
#[test]
fn state_table() {
    let mut text = format!("{:10}", "");
    for transition in Transition::ALL {
        text.push_str(&format!("{transition:11}"));
    }
    for state in State::ALL {
        text.push_str(&format!("\n{state:10}"));
        for transition in Transition::ALL {
            let next = state.next(transition).map_or_else(|_| ".".to_owned(), |next| next.to_string());
            text.push_str(&format!("{next:11}"));
        }
    }
    let text: Vec<&str> = text.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(text.join("\n"), @r"
              staged     healthy    live       superseded failed     pruned
    planned   staged     .          .          .          failed     .
    staged    .          healthy    .          .          failed     .
    healthy   .          .          live       .          failed     .
    live      .          .          .          retired    failed     .
    retired   .          healthy    .          .          .          pruned
    failed    .          .          .          .          .          pruned
    pruned    .          .          .          .          .          .
    ");
}

#[test]
fn a_ledger_is_read_back_as_it_was_written() {
    let text = write(&two_releases());
    let lines = ledger::read(text.as_bytes()).unwrap();
    assert_eq!(lines.entries.len(), 9);
    assert_eq!(lines.length, text.len() as u64);
    assert!(!lines.torn);
    let history = History::fold(&lines).unwrap();
    assert_eq!(history.live(), Some(number(2)));
    assert_eq!(history.candidates(), [number(1)]);
    assert_eq!(history.highest(), Some(number(2)));
}

#[test]
fn candidates_are_in_the_order_in_which_they_were_live() {
    let mut events = two_releases();
    // Back to r1, and a new r3: then r1 was live more recently than r2.
    events.extend([
        (1, Event::RollingBack { from: Some(number(2)) }),
        (1, Event::Healthy),
        (1, Event::Live),
        (2, Event::Superseded { by: number(1) }),
        (3, planned()),
        (3, Event::Staged),
        (3, Event::Healthy),
        (3, Event::Live),
        (1, Event::Superseded { by: number(3) }),
    ]);
    let lines = ledger::read(write(&events).as_bytes()).unwrap();
    assert_eq!(History::fold(&lines).unwrap().candidates(), [number(1), number(2)]);
}

#[test]
fn a_torn_last_line_is_left_out() {
    let text = write(&two_releases());
    for keep in 1..200 {
        let torn = &text.as_bytes()[..text.len() - keep];
        let lines = ledger::read(torn).unwrap();
        assert_eq!(lines.torn, !torn.ends_with(b"\n"));
        assert!(lines.length <= torn.len() as u64);
        assert_eq!(ledger::read(&torn[..usize::try_from(lines.length).unwrap()]).unwrap().position, lines.position);
    }
}

#[test]
fn every_changed_byte_is_found() {
    let text = write(&two_releases());
    let last_line = text.trim_end().rfind('\n').unwrap();
    for at in 0..last_line {
        let mut bytes = text.clone().into_bytes();
        // The line's end is left alone: without it two lines become one, which is the next test.
        if bytes[at] == b'\n' {
            continue;
        }
        bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
        let read = ledger::read(&bytes).and_then(|lines| History::fold(&lines));
        assert!(read.is_err(), "byte {at} was changed and nobody noticed");
    }
}

#[test]
fn damage_names_its_line() {
    let text = write(&two_releases());
    let lines: Vec<&str> = text.lines().collect();
    let without_third = [&lines[..2], &lines[3..]].concat().join("\n") + "\n";
    assert_eq!(damage(&without_third), "line 3 of the ledger has the number 4 (lines were removed or added)");
    let joined = text.replacen('\n', " ", 1);
    assert!(damage(&joined).starts_with("line 1 of the ledger is not JSON"), "{}", damage(&joined));
    assert_eq!(
        damage(&write(&[(1, planned()), (1, Event::Live)])),
        "line 2 of the ledger is impossible: a planned release cannot become live"
    );
    assert_eq!(damage(&write(&[(1, Event::Staged)])), "line 1 of the ledger speaks of r1, which was never planned");
    assert_eq!(damage(&write(&[(1, planned()), (1, planned())])), "line 2 of the ledger plans r1 a second time");
    assert_eq!(
        damage("{\"v\":9}\n"),
        "line 1 of the ledger has version 9, which this ship does not know; use a newer ship"
    );
}

#[test]
fn names_are_checked() {
    use ship::name::AppName;
    for good in ["a", "blog", "my-app-2", &"x".repeat(40)] {
        assert!(good.parse::<AppName>().is_ok(), "{good}");
    }
    for bad in ["", "-a", "a-", "a--b", "Blog", "a_b", "a.b", "ä", "a b", "a/b", &"x".repeat(41)] {
        assert!(bad.parse::<AppName>().is_err(), "{bad}");
    }
    assert_eq!("r42".parse::<ReleaseNumber>().unwrap(), "42".parse().unwrap());
    for bad in ["r", "r0", "0", "-1", "r+1", "rr1", "1.0", "latest"] {
        assert!(bad.parse::<ReleaseNumber>().is_err(), "{bad}");
    }
}
