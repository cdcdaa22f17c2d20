//! Every kind of event as a line of JSON: scripts depend on these.

use ship::event::Event;
use ship::plan::Goal;
use ship::ui::json::event::{Stream, line, note};

use super::fleet::{Paper, bytes, done, failed, finished, host, ms, output, started, step, tries, undo, undone};

#[test]
fn every_kind_of_event() {
    let all = [
        started(&["web-1", "web-2"]),
        Event::Started { goal: Goal::Remove, hosts: vec![host("web-1")] },
        step("web-1", 1, "push image blog-production:r43"),
        bytes("web-1", 1, 100, 2_000),
        tries("web-1", 2, 3),
        output("web-1", 2, "a \"quoted\" line\twith a tab"),
        done("web-1", 1, 1_500, "3 of 9 layers, 1.2 MB"),
        done("web-1", 2, 5, ""),
        failed("web-1", 3, "it exited with 1"),
        undo("web-1"),
        undone("web-1", &["the release command"]),
        finished(8_200),
    ];
    let mut text = all.iter().map(|event| line(event, ms(42))).collect::<Vec<_>>().join("\n");
    text.push('\n');
    text.push_str(&note("ben@tower holds the lease of web-1", ms(42)));
    insta::assert_snapshot!(text, @r#"
    {"v":1,"kind":"started","elapsed_ms":42,"goal":"deploy","release":"r43","hosts":["web-1","web-2"]}
    {"v":1,"kind":"started","elapsed_ms":42,"goal":"remove","hosts":["web-1"]}
    {"v":1,"kind":"step-started","elapsed_ms":42,"host":"web-1","step":1,"words":"push image blog-production:r43"}
    {"v":1,"kind":"progress","elapsed_ms":42,"host":"web-1","step":1,"bytes":{"done":100,"total":2000}}
    {"v":1,"kind":"progress","elapsed_ms":42,"host":"web-1","step":2,"tries":3}
    {"v":1,"kind":"output","elapsed_ms":42,"host":"web-1","step":2,"line":"a \"quoted\" line\twith a tab"}
    {"v":1,"kind":"step-done","elapsed_ms":42,"host":"web-1","step":1,"took_ms":1500,"note":"3 of 9 layers, 1.2 MB"}
    {"v":1,"kind":"step-done","elapsed_ms":42,"host":"web-1","step":2,"took_ms":5}
    {"v":1,"kind":"step-failed","elapsed_ms":42,"host":"web-1","step":3,"why":"it exited with 1"}
    {"v":1,"kind":"undo-started","elapsed_ms":42,"host":"web-1"}
    {"v":1,"kind":"undo-done","elapsed_ms":42,"host":"web-1","left":["the release command"]}
    {"v":1,"kind":"finished","elapsed_ms":42,"took_ms":8200,"live":"r43"}
    {"v":1,"kind":"note","elapsed_ms":42,"note":"ben@tower holds the lease of web-1"}
    "#);
}

#[test]
fn every_line_is_an_object_with_version_and_kind() {
    let value: serde_json::Value = serde_json::from_str(&line(&started(&["web-1"]), ms(0))).unwrap();
    assert_eq!(value["v"], 1);
    assert_eq!(value["kind"], "started");
}

#[test]
fn progress_is_written_now_and_then_and_milestones_always() {
    let paper = Paper::default();
    let mut stream = Stream::new(Box::new(paper.clone()));
    stream.event(&step("web-1", 1, "push"), ms(0));
    for at in 1..=100 {
        stream.event(&bytes("web-1", 1, at, 100), ms(at * 10));
    }
    stream.event(&bytes("web-2", 2, 1, 100), ms(1_000));
    stream.event(&done("web-1", 1, 1_000, ""), ms(1_000));
    let text = paper.text();
    let kinds: Vec<String> = text
        .lines()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{} {}", value["kind"].as_str().unwrap(), value["elapsed_ms"])
        })
        .collect();
    insta::assert_snapshot!(kinds.join(", "), @"step-started 0, progress 10, progress 260, progress 510, progress 760, progress 1000, step-done 1000");
}
