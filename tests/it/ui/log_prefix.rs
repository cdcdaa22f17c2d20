//! What stands in front of lines of several sources.

use ship::ui::log_prefix::{Source, prefix, width};
use ship::ui::style::Style;

use super::fleet::{host, role};

#[test]
fn lines_of_several_sources_stand_below_each_other() {
    let (host, web, worker) = (host("web-1"), role("web"), role("worker"));
    let sources = [Source { host: &host, role: &web, replica: 1 }, Source { host: &host, role: &worker, replica: 12 }];
    let width = width(&sources);
    let lines: Vec<_> = sources.iter().enumerate().map(|(n, s)| prefix(*s, n, width, Style::PLAIN) + "hello").collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    web-1/web.1     | hello
    web-1/worker.12 | hello
    ");
    let one = prefix(sources[0], 0, width, Style::COLORED);
    assert_ne!(one, prefix(sources[0], 1, width, Style::COLORED));
    assert_eq!(console::strip_ansi_codes(&one), prefix(sources[0], 0, width, Style::PLAIN));
}
