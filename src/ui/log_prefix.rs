//! What stands in front of a line of output when several sources share the screen: `web-1/web.1 | `.

use super::style::{Style, Tone};
use crate::name::{HostName, RoleName};

/// One container as people call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source<'a> {
    /// Where it runs.
    pub host: &'a HostName,
    /// Its role.
    pub role: &'a RoleName,
    /// From 1.
    pub replica: u16,
}

impl Source<'_> {
    /// `web-1/web.1`
    pub fn name(&self) -> String {
        format!("{}/{}.{}", self.host, self.role, self.replica)
    }
}

/// The width to which the prefixes of these sources are filled up, so that their lines stand below each other.
pub fn width(sources: &[Source<'_>]) -> usize {
    sources.iter().map(|source| source.name().len()).max().unwrap_or_default()
}

/// The prefix of a source; `index` tells its colour from those of the others.
pub fn prefix(source: Source<'_>, index: usize, width: usize, style: Style) -> String {
    let name = source.name();
    style.paint(Tone::Source(index), &format!("{name:<width$} | "))
}
