//! `[build]` or `image`: where the image comes from.

use std::path::{Path, PathBuf};

use super::env;
use crate::config::elements::{path, platform, text};
use crate::config::reader::{Complaint, Table};
use crate::config::{Build, BuildSource};

/// A Dockerfile in the current directory unless the file says otherwise.
pub(crate) fn read(root: &Table<'_>) -> BuildSource {
    let Some(image) = root.get("image") else { return BuildSource::Dockerfile(build(root.table("build").as_ref())) };
    if root.get("build").is_some() {
        image.complain_of_key(Complaint::new("there is also [build], and only one of the two can be meant"));
    }
    BuildSource::Image(image.read(text::word).unwrap_or_default())
}

fn build(table: Option<&Table<'_>>) -> Build {
    let context = table.and_then(|table| table.read("context", path::local)).unwrap_or_else(|| PathBuf::from("."));
    let dockerfile = table.and_then(|table| table.read("dockerfile", path::local));
    let args = table.and_then(|table| table.table("args"));
    Build {
        dockerfile: below(&context, &dockerfile.unwrap_or_else(|| PathBuf::from("Dockerfile"))),
        context,
        args: args.map(|args| env::variables(&args)).unwrap_or_default(),
        target: table.and_then(|table| table.read("target", text::word)),
        platform: table.and_then(|table| table.read("platform", platform::platform)),
    }
}

/// Joined, without a `./` in front that nobody wrote.
fn below(context: &Path, dockerfile: &Path) -> PathBuf {
    if context == Path::new(".") { dockerfile.to_owned() } else { context.join(dockerfile) }
}
