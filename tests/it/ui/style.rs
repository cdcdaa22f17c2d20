//! Who gets colour, and which.

use ship::ui::style::{Style, Surroundings, Tone, printable};

fn terminal() -> Surroundings {
    Surroundings {
        term: Some("xterm-256color".to_owned()),
        stdout_is_terminal: true,
        stderr_is_terminal: true,
        ..Surroundings::default()
    }
}

#[test]
fn a_terminal_has_colour_and_a_pipe_has_not() {
    assert_eq!(terminal().stdout(), Style::COLORED);
    let piped = Surroundings { stdout_is_terminal: false, ..terminal() };
    assert_eq!(piped.stdout(), Style::PLAIN);
    assert_eq!(piped.stderr(), Style::COLORED);
    assert_eq!(Surroundings { term: Some("dumb".to_owned()), ..terminal() }.stdout(), Style::PLAIN);
}

#[test]
fn the_variables_decide_before_the_terminal() {
    let no = Surroundings { no_color: Some("1".to_owned()), ..terminal() };
    assert_eq!(no.stdout(), Style::PLAIN);
    assert_eq!(Surroundings { no_color: Some(String::new()), ..terminal() }.stdout(), Style::COLORED);
    let forced = Surroundings { clicolor_force: Some("1".to_owned()), ..Surroundings::default() };
    assert_eq!(forced.stdout(), Style::COLORED);
    assert_eq!(Surroundings { clicolor_force: Some("0".to_owned()), ..Surroundings::default() }.stdout(), Style::PLAIN);
    assert_eq!(Surroundings { no_color: Some("1".to_owned()), ..forced }.stdout(), Style::PLAIN);
}

#[test]
fn bars_need_a_terminal_that_can_redraw() {
    assert!(terminal().can_redraw());
    assert!(Surroundings { no_color: Some("1".to_owned()), ..terminal() }.can_redraw());
    assert!(!Surroundings { stderr_is_terminal: false, ..terminal() }.can_redraw());
    assert!(!Surroundings { term: Some("dumb".to_owned()), ..terminal() }.can_redraw());
    assert!(!Surroundings { ci: Some("true".to_owned()), ..terminal() }.can_redraw());
    assert!(Surroundings { ci: Some("false".to_owned()), ..terminal() }.can_redraw());
}

#[test]
fn the_palette_has_no_yellow_white_or_black() {
    let tones = [Tone::Good, Tone::Bad, Tone::Warn, Tone::Name, Tone::Strong, Tone::Quiet];
    let all = tones.into_iter().chain((0..12).map(Tone::Source));
    let painted: Vec<_> = all.map(|tone| Style::COLORED.paint(tone, "x").replace('\u{1b}', "^")).collect();
    insta::assert_snapshot!(painted.join(" "), @"^[32mx^[0m ^[31m^[1mx^[0m ^[35mx^[0m ^[36mx^[0m ^[1mx^[0m ^[2mx^[0m ^[36mx^[0m ^[35mx^[0m ^[32mx^[0m ^[36m^[1mx^[0m ^[35m^[1mx^[0m ^[32m^[1mx^[0m ^[36mx^[0m ^[35mx^[0m ^[32mx^[0m ^[36m^[1mx^[0m ^[35m^[1mx^[0m ^[32m^[1mx^[0m");
    for text in &painted {
        assert!(!["[30m", "[33m", "[37m", "[90m", "[93m", "[97m"].iter().any(|code| text.contains(code)), "{text}");
    }
}

#[test]
fn without_colour_nothing_is_added() {
    assert_eq!(Style::PLAIN.paint(Tone::Bad, "x"), "x");
    assert_eq!(Style::COLORED.paint(Tone::Bad, ""), "");
}

#[test]
fn foreign_output_cannot_disturb_the_screen() {
    assert_eq!(printable("a\tb"), "a b");
    assert_eq!(printable("10%\r20%\r"), "20%");
    assert_eq!(printable("\u{1b}[2J\u{1b}[31mred\u{1b}[0m\u{7}"), "red");
    assert_eq!(printable("grüße 漢字"), "grüße 漢字");
}
