//! What is wrong with a `ship.toml`, in the form in which a person can repair it: where, what was expected, and what
//! they most likely meant. All problems of a file are collected and told at once.

use std::fmt;
use std::ops::Range;

use crate::name::EnvironmentName;

/// One thing to repair. Its `Display` is plain text of several lines without a final newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as the user named it.
    pub file: String,
    /// Where in the file; `None` if something is wrong that is not in it (the environment that was asked for).
    pub place: Option<Place>,
    /// The key as one would write it with dots: `roles.web.port`; empty if the text is not TOML.
    pub key: String,
    /// What was expected, and what was found.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// The environment in which alone it is wrong, if that is not the one that was asked for.
    pub environment: Option<EnvironmentName>,
}

/// A place in the file, as editors count: from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
    /// How many characters are meant; at least 1, never beyond the line.
    pub width: usize,
    /// The whole line.
    pub source_line: String,
}

impl Place {
    /// The place of a range of bytes in the text.
    pub(super) fn of(text: &str, span: &Range<usize>) -> Self {
        let start = floor(text, span.start);
        let end = floor(text, span.end).max(start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text.get(start..).and_then(|rest| rest.find('\n')).map_or(text.len(), |length| start + length);
        let meant = text.get(start..end.min(line_end)).unwrap_or_default();
        Self {
            line: before.matches('\n').count() + 1,
            column: text.get(line_start..start).unwrap_or_default().chars().count() + 1,
            width: meant.trim_end().chars().count().max(1),
            source_line: text.get(line_start..line_end).unwrap_or_default().trim_end().to_owned(),
        }
    }

    /// The same without what stands after the key, which may be a secret that was put into the file by mistake.
    pub(super) fn concealed(self) -> Self {
        let Some((key, _)) = self.source_line.split_once('=') else { return self };
        let source_line = format!("{key}= …");
        let last = source_line.chars().count();
        let column = self.column.min(last);
        Self { column, width: self.width.min(last + 1 - column), source_line, ..self }
    }
}

/// The nearest place at or before `index` where the text can be cut: a parser may point into a character.
fn floor(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(place) = &self.place {
            write!(f, "{}:{}:", place.line, place.column)?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.message)?;
        if let Some(environment) = &self.environment {
            write!(f, " (in the environment {environment})")?;
        }
        if let Some(place) = &self.place {
            let number = place.line.to_string();
            // A tab stays a tab, so that the caret stands under what it means at any tab width.
            let indent: String = place.source_line.chars().take(place.column - 1).map(blank).collect();
            write!(f, "\n  {number} | {}", place.source_line)?;
            write!(f, "\n  {:gutter$} | {indent}{}", "", "^".repeat(place.width), gutter = number.len())?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {}", hint.replace('\n', "\n        "))?;
        }
        Ok(())
    }
}

fn blank(character: char) -> char {
    if character == '\t' { '\t' } else { ' ' }
}

/// All problems as plain text, with how many there are when it is more than one. Ends with a newline.
pub fn render(problems: &[Problem]) -> String {
    let text = problems.iter().map(|problem| format!("{problem}\n")).collect::<Vec<_>>().join("\n");
    if problems.len() > 1 { format!("{text}\n{} problems\n", problems.len()) } else { text }
}
