//! Simple tables: columns are as wide as their widest cell on the screen, and the last one gives way where the terminal
//! is narrow.

use super::style::{Style, Tone};

/// A table with a header.
#[derive(Debug, Clone, Default)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Row>,
}

/// One row and what is told below it.
#[derive(Debug, Clone, Default)]
pub struct Row {
    cells: Vec<(String, Option<Tone>)>,
    below: Vec<String>,
}

impl Row {
    /// A row without cells.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a cell.
    #[must_use]
    pub fn cell(mut self, text: impl Into<String>) -> Self {
        self.cells.push((text.into(), None));
        self
    }

    /// Adds a cell with a meaning.
    #[must_use]
    pub fn toned(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.cells.push((text.into(), Some(tone)));
        self
    }

    /// Adds a line below the row, over all columns.
    #[must_use]
    pub fn below(mut self, line: impl Into<String>) -> Self {
        self.below.push(line.into());
        self
    }
}

impl Table {
    /// A table without rows.
    pub fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(|&text| text.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// The table as text that ends with a newline; `width` is the terminal's, if there is one.
    pub fn text(&self, style: Style, width: Option<usize>) -> String {
        let widths = self.widths();
        let header = self.header.iter().map(|text| (text.clone(), Some(Tone::Quiet))).collect();
        let mut text = line(&Row { cells: header, below: Vec::new() }, &widths, style, width);
        for row in &self.rows {
            text.push_str(&line(row, &widths, style, width));
            for below in &row.below {
                text.push_str("  ");
                text.push_str(&style.paint(Tone::Quiet, below));
                text.push('\n');
            }
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.header.iter().map(|text| console::measure_text_width(text)).collect();
        for row in &self.rows {
            for (width, (text, _)) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(console::measure_text_width(text));
            }
        }
        widths
    }
}

/// Room between two columns.
const GAP: usize = 2;

/// What is left of the last column at least: less would say nothing.
const LEAST: usize = 12;

fn line(row: &Row, widths: &[usize], style: Style, width: Option<usize>) -> String {
    let mut text = String::new();
    let mut used = 0;
    let last = row.cells.iter().rposition(|(text, _)| !text.is_empty()).unwrap_or(0);
    for (index, (cell, tone)) in row.cells.iter().enumerate().take(last + 1) {
        let is_widest_last = index + 1 == widths.len();
        let shown = match width {
            Some(width) if is_widest_last => {
                console::truncate_str(cell, width.saturating_sub(used).max(LEAST), "…").into_owned()
            }
            _ => cell.clone(),
        };
        text.push_str(&tone.map_or_else(|| shown.clone(), |tone| style.paint(tone, &shown)));
        if index < last {
            let column = widths.get(index).copied().unwrap_or_default() + GAP;
            text.push_str(&" ".repeat(column.saturating_sub(console::measure_text_width(&shown))));
            used += column;
        }
    }
    text.push('\n');
    text
}
