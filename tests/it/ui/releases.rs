//! `ship releases`, as text and as JSON.

use std::collections::BTreeMap;

use ship::name::HostName;
use ship::release::Source;
use ship::release::history::{History, Past};
use ship::release::state::State;
use ship::ui::json;
use ship::ui::releases_model::{Releases, roll_up};
use ship::ui::releases_view::text;
use ship::ui::style::Style;

use super::fleet::{NOW, host, past, r, source};

fn at(time: &str) -> String {
    format!("2026-11-{time}:00Z")
}

fn remember(releases: &[(u32, Past)]) -> History {
    History { releases: releases.iter().map(|(n, past)| (r(*n), past.clone())).collect(), ..History::default() }
}

fn one_host() -> History {
    let dirty = Source {
        dirty: true,
        subject: Some("Try the new checkout, 結帳, with a long description".to_owned()),
        ..source()
    };
    remember(&[
        (
            40,
            Past {
                live_at: Some(at("01T10:01")),
                ended_at: Some(at("18T12:00")),
                ..past(State::Pruned, "2026-11-01T10:00:00Z")
            },
        ),
        (
            41,
            Past {
                live_at: Some(at("18T12:00")),
                ended_at: Some(at("19T12:00")),
                ..past(State::Retired, "2026-11-18T11:59:00Z")
            },
        ),
        (
            42,
            Past {
                why: Some("the container exited with 1".to_owned()),
                ended_at: Some(at("20T08:00")),
                source: dirty,
                ..past(State::Failed, "2026-11-20T07:59:00Z")
            },
        ),
        (
            43,
            Past {
                live_at: Some(at("21T09:00")),
                source: Source { by: "ci".to_owned(), ..Source::default() },
                by: "ci".to_owned(),
                ..past(State::Live, "2026-11-21T08:59:30Z")
            },
        ),
    ])
}

fn rolled(hosts: &[(&str, Result<&History, String>)]) -> Releases {
    let hosts: BTreeMap<HostName, _> = hosts.iter().map(|(name, history)| (host(name), history.clone())).collect();
    roll_up(&hosts, NOW)
}

#[test]
fn one_host_newest_first() {
    let history = one_host();
    let releases = rolled(&[("web-1", Ok(&history))]);
    insta::assert_snapshot!(text(&releases, NOW, Style::PLAIN, None), @"
    release  state    when         live for     who         commit           subject
    r43      live     3 h ago      3 h          ci
    r42      failed   1 day ago                 ana@laptop  3f2a1bc+changes  Try the new checkout, 結帳, with a long description
      failed on web-1: the container exited with 1
    r41      retired  3 days ago   1 day        ana@laptop  3f2a1bc          Fix the cart
    r40      pruned   20 days ago  17 days 1 h  ana@laptop  3f2a1bc          Fix the cart
    ");
    insta::assert_snapshot!(text(&releases, NOW, Style::PLAIN, Some(80)), @"
    release  state    when         live for     who         commit           subject
    r43      live     3 h ago      3 h          ci
    r42      failed   1 day ago                 ana@laptop  3f2a1bc+changes  Try the new…
      failed on web-1: the container exited with 1
    r41      retired  3 days ago   1 day        ana@laptop  3f2a1bc          Fix the cart
    r40      pruned   20 days ago  17 days 1 h  ana@laptop  3f2a1bc          Fix the cart
    ");
}

#[test]
fn hosts_that_differ_are_shown_as_they_are() {
    let live = remember(&[(43, Past { live_at: Some(at("21T09:00")), ..past(State::Live, "2026-11-21T08:59:30Z") })]);
    let failed = remember(&[(
        43,
        Past {
            live_at: Some(at("21T09:00")),
            ended_at: Some(at("21T09:05")),
            why: Some("the disk is full".to_owned()),
            ..past(State::Failed, "2026-11-21T08:59:31Z")
        },
    )]);
    let hosts = [
        ("web-1", Ok(&live)),
        ("web-2", Ok(&failed)),
        ("web-3", Ok(&failed)),
        ("web-4", Err("cannot be reached: timed out after 10 s".to_owned())),
    ];
    let releases = rolled(&hosts);
    insta::assert_snapshot!(text(&releases, NOW, Style::PLAIN, None), @"
    release  state  when     live for  who         commit   subject
    r43      mixed  3 h ago  3 h       ana@laptop  3f2a1bc  Fix the cart
      live on web-1; failed on web-2, web-3
      failed on web-2, web-3: the disk is full
    not known: web-4: cannot be reached: timed out after 10 s
    ");
    insta::assert_snapshot!(json::releases::text(&releases), @r#"
    {
      "v": 1,
      "releases": [
        {
          "release": "r43",
          "state": "mixed",
          "states": {
            "web-1": "live",
            "web-2": "failed",
            "web-3": "failed"
          },
          "planned_at": "2026-11-21T08:59:30Z",
          "live_at": "2026-11-21T09:00:00Z",
          "live_seconds": 10800,
          "by": "ana@laptop",
          "commit": "3f2a1bc9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3",
          "branch": "main",
          "subject": "Fix the cart",
          "dirty": false,
          "failures": [
            {
              "why": "the disk is full",
              "hosts": [
                "web-2",
                "web-3"
              ]
            }
          ]
        }
      ],
      "unknown_hosts": {
        "web-4": "cannot be reached: timed out after 10 s"
      }
    }
    "#);
}

#[test]
fn as_json() {
    let history = one_host();
    let text = json::releases::text(&rolled(&[("web-1", Ok(&history))]));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["v"], 1);
    assert_eq!(value["releases"][0]["state"], "live");
    assert_eq!(value["releases"][0]["live_seconds"], 3 * 3_600);
    assert_eq!(value["releases"][1]["failures"][0]["why"], "the container exited with 1");
}

#[test]
fn nothing_yet() {
    insta::assert_snapshot!(text(&rolled(&[]), NOW, Style::PLAIN, None), @"nothing was deployed yet");
}
