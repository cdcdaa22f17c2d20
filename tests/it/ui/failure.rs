//! The shape of a failure.

use ship::diagnostic::{Exit, Failure};
use ship::ui::failure_view::text;
use ship::ui::json;
use ship::ui::style::Style;

fn unhealthy() -> Failure {
    Failure {
        exit: Exit::OldServes,
        what: "r43 did not become healthy on web-1".to_owned(),
        causes: vec!["GET http://172.18.0.5:3000/up answered 503 for 30 s (12 tries)".to_owned()],
        output: vec!["web-1/web.1 | \u{1b}[31mPG::ConnectionBad\u{1b}[0m: could not connect to server".to_owned()],
        state: vec!["web-1 serves r42; nothing of r43 is running".to_owned()],
        hints: vec!["ship logs --release r43".to_owned()],
    }
}

#[test]
fn the_shape_of_a_failure() {
    insta::assert_snapshot!(text(&unhealthy(), Style::PLAIN), @"
    error: r43 did not become healthy on web-1
      because: GET http://172.18.0.5:3000/up answered 503 for 30 s (12 tries)
      web-1/web.1 | PG::ConnectionBad: could not connect to server
      state: web-1 serves r42; nothing of r43 is running
      hint: ship logs --release r43
    ");
}

#[test]
fn colour_only_marks_the_labels() {
    insta::assert_snapshot!(text(&unhealthy(), Style::COLORED).replace('\u{1b}', "^"), @"
    ^[31m^[1merror:^[0m r43 did not become healthy on web-1
      because: GET http://172.18.0.5:3000/up answered 503 for 30 s (12 tries)
      ^[2mweb-1/web.1 | PG::ConnectionBad: could not connect to server^[0m
      ^[1mstate:^[0m web-1 serves r42; nothing of r43 is running
      ^[36mhint:^[0m ship logs --release r43
    ");
    assert_eq!(console::strip_ansi_codes(&text(&unhealthy(), Style::COLORED)), text(&unhealthy(), Style::PLAIN));
}

#[test]
fn a_sentence_alone_and_several_lines() {
    let alone = Failure::new(Exit::Usage, "no host is called `web-9`").hint("ship status");
    insta::assert_snapshot!(text(&alone, Style::PLAIN), @"
    error: no host is called `web-9`
      hint: ship status
    ");
    let mut many = Failure::new(Exit::Usage, "ship.toml has 2 problems");
    many.causes =
        vec!["ship.toml:3:1\nunknown key `role`; did you mean `roles`?".to_owned(), "ship.toml:9:8".to_owned()];
    insta::assert_snapshot!(text(&many, Style::PLAIN), @"
    error: ship.toml has 2 problems
      because: ship.toml:3:1
        unknown key `role`; did you mean `roles`?
      because: ship.toml:9:8
    ");
}

#[test]
fn after_a_change_nobody_is_left_without_a_state() {
    insta::assert_snapshot!(text(&Failure::new(Exit::Disagree, "web-2 went away"), Style::PLAIN), @"
    error: web-2 went away
      state: not known; `ship status` looks
    ");
    insta::assert_snapshot!(text(&Failure::new(Exit::Unchanged, "web-2 went away"), Style::PLAIN), @"error: web-2 went away");
}

#[test]
fn as_json() {
    insta::assert_snapshot!(json::failure::line(&unhealthy()), @r#"{"v":1,"error":{"kind":"old-serves","exit":4,"what":"r43 did not become healthy on web-1","causes":["GET http://172.18.0.5:3000/up answered 503 for 30 s (12 tries)"],"output":["web-1/web.1 | \u001b[31mPG::ConnectionBad\u001b[0m: could not connect to server"],"state":["web-1 serves r42; nothing of r43 is running"],"hints":["ship logs --release r43"]}}"#);
}
