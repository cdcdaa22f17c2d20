//! Columns, with wide characters and narrow terminals.

use ship::ui::style::{Style, Tone};
use ship::ui::table::{Row, Table};

fn table() -> Table {
    let mut table = Table::new(&["who", "state", "subject"]);
    table.push(Row::new().cell("ana").toned(Tone::Good, "live").cell("Fix the cart that nobody could empty"));
    table.push(Row::new().cell("日本語さん").toned(Tone::Bad, "failed").cell("").below("because of this"));
    table.push(Row::new().cell("b").cell("").cell("Grüße"));
    table
}

#[test]
fn columns_are_as_wide_as_their_widest_cell_on_the_screen() {
    insta::assert_snapshot!(table().text(Style::PLAIN, None), @"
    who         state   subject
    ana         live    Fix the cart that nobody could empty
    日本語さん  failed
      because of this
    b                   Grüße
    ");
}

#[test]
fn the_last_column_gives_way() {
    insta::assert_snapshot!(table().text(Style::PLAIN, Some(40)), @"
    who         state   subject
    ana         live    Fix the cart that n…
    日本語さん  failed
      because of this
    b                   Grüße
    ");
    insta::assert_snapshot!(table().text(Style::PLAIN, Some(10)), @"
    who         state   subject
    ana         live    Fix the car…
    日本語さん  failed
      because of this
    b                   Grüße
    ");
}

#[test]
fn colour_moves_no_column() {
    let colored = table().text(Style::COLORED, Some(40));
    assert_eq!(console::strip_ansi_codes(&colored), table().text(Style::PLAIN, Some(40)));
}
