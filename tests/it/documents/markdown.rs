//! As much of Markdown as the documents use: fenced blocks, code in a line, headings, links.

use std::fs;
use std::path::{Path, PathBuf};

use super::root;

/// One file.
pub(super) struct Document {
    /// From the root of the repository.
    pub(super) name: String,
    /// The directory that its links start from.
    pub(super) directory: PathBuf,
    /// Fenced blocks in order.
    pub(super) blocks: Vec<Block>,
    /// All that is not in a fenced block.
    pub(super) prose: String,
}

/// A fenced block.
pub(super) struct Block {
    /// What follows the fence: `sh`, `toml`; empty if nothing does.
    pub(super) language: String,
    /// Its content.
    pub(super) text: String,
}

impl Document {
    pub(super) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let mut document = Self {
            name: path.strip_prefix(root()).unwrap().display().to_string(),
            directory: path.parent().unwrap().to_owned(),
            blocks: Vec::new(),
            prose: String::new(),
        };
        let mut open: Option<Block> = None;
        for line in text.lines() {
            let fence = line.trim_start().strip_prefix("```");
            match (&mut open, fence) {
                (None, Some(language)) => {
                    open = Some(Block { language: language.trim().to_owned(), text: String::new() });
                }
                (None, None) => document.prose.extend([line, "\n"]),
                (Some(_), Some(_)) => document.blocks.extend(open.take()),
                (Some(block), None) => block.text.extend([line, "\n"]),
            }
        }
        assert!(open.is_none(), "{}: a block has no end", document.name);
        document
    }

    /// The blocks in a language.
    pub(super) fn blocks_in(&self, language: &str) -> impl Iterator<Item = &str> {
        self.blocks.iter().filter(move |block| block.language == language).map(|block| block.text.as_str())
    }

    /// Code in a line, between backticks, with line breaks as blanks.
    pub(super) fn spans(&self) -> Vec<String> {
        // A paragraph at a time, so that a backtick too many spoils one paragraph and not the rest.
        let paragraphs = self.prose.split("\n\n").flat_map(|paragraph| {
            assert!(paragraph.matches('`').count() % 2 == 0, "{}: odd backticks in\n{paragraph}", self.name);
            paragraph.split('`').skip(1).step_by(2)
        });
        paragraphs.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    /// Where links lead.
    pub(super) fn links(&self) -> Vec<&str> {
        self.prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
    }

    /// The anchors of its headings, as GitHub makes them.
    pub(super) fn anchors(&self) -> Vec<String> {
        let headings = self.prose.lines().filter(|line| line.starts_with('#'));
        headings.map(|line| slug(line.trim_start_matches('#').trim())).collect()
    }
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}
