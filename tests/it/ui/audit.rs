//! `ship audit`, as text and as JSON.

use ship::ui::audit_view::{Audit, text};
use ship::ui::json;
use ship::ui::style::Style;

use super::fleet::{NOW, host};

fn audit() -> Audit {
    let mut audit = Audit::default();
    audit.add(
        &host("web-2"),
        r#"{"at":"2026-11-21T11:00:00Z","by":"ben@tower","command":["sh","-c","exit 3"],"container":"blog-production-web-r43-1","exit":3}
"#,
    );
    audit.add(
        &host("web-1"),
        r#"{"at":"2026-11-21T10:00:00Z","by":"ana@laptop","command":["bin/rails","console"],"container":"blog-production-web-r43-1","exit":0,"added-later":1}
{"at":"2026-11-21T11:59:00Z","by":"ana@laptop","command":["printf","\u001b[31mred"],"container":"blog-production-web-r43-2"}
{"at":"2026-11-21T
"#,
    );
    audit
}

#[test]
fn commands_stand_in_time_order_over_all_hosts() {
    insta::assert_snapshot!(text(&audit(), NOW, Style::PLAIN, None), @"
    when       who         host   container                  exit  command
    2 h ago    ana@laptop  web-1  blog-production-web-r43-1  0     bin/rails console
    1 h ago    ben@tower   web-2  blog-production-web-r43-1  3     sh -c exit 3
    1 min ago  ana@laptop  web-1  blog-production-web-r43-2  -     printf red
    not readable: 1 line on web-1
    ");
}

#[test]
fn as_json() {
    insta::assert_snapshot!(json::audit::text(&audit()), @r#"
    {
      "v": 1,
      "commands": [
        {
          "at": "2026-11-21T10:00:00Z",
          "by": "ana@laptop",
          "host": "web-1",
          "container": "blog-production-web-r43-1",
          "command": [
            "bin/rails",
            "console"
          ],
          "exit": 0
        },
        {
          "at": "2026-11-21T11:00:00Z",
          "by": "ben@tower",
          "host": "web-2",
          "container": "blog-production-web-r43-1",
          "command": [
            "sh",
            "-c",
            "exit 3"
          ],
          "exit": 3
        },
        {
          "at": "2026-11-21T11:59:00Z",
          "by": "ana@laptop",
          "host": "web-1",
          "container": "blog-production-web-r43-2",
          "command": [
            "printf",
            "\u001b[31mred"
          ],
          "exit": null
        }
      ]
    }
    "#);
}

#[test]
fn nothing_recorded() {
    insta::assert_snapshot!(text(&Audit::default(), NOW, Style::PLAIN, None), @"no command was run yet");
}
