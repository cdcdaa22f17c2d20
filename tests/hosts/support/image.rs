//! Images of the example app in the engine of this machine, each built once by `scripts/app-image`.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use super::{root, text};

/// An image whose app says that its version is `version`; answers its name.
pub(crate) fn image(version: &str) -> String {
    variant(version, version, &[])
}

/// An image with options of `scripts/app-image`.
pub(crate) fn variant(tag: &str, version: &str, options: &[&str]) -> String {
    static BUILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    // Its own tags, so that nobody who tries something out on this machine changes what is tested.
    let tag = format!("lane-{tag}");
    if !built.contains(&tag) {
        run(&[&[tag.as_str(), "--version", version], options].concat());
        built.insert(tag.clone());
    }
    format!("ship-example/app:{tag}")
}

/// Puts what `docker build` needs into a directory.
pub(crate) fn context(directory: &std::path::Path) {
    run(&["--context", directory.to_str().unwrap()]);
}

/// An image that says it is for another platform than the hosts.
pub(crate) fn for_arm() -> String {
    let name = "ship-example/app:lane-arm";
    let mut import = Command::new("docker")
        .args([
            "import",
            "--platform",
            "linux/arm64",
            "--change",
            "CMD [\"/app\"]",
            "--change",
            "EXPOSE 3000",
            "-",
            name,
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // Two empty blocks: an archive without a file.
    std::io::Write::write_all(&mut import.stdin.take().unwrap(), &[0; 1024]).unwrap();
    assert!(import.wait().unwrap().success(), "docker import");
    name.to_owned()
}

fn run(arguments: &[&str]) {
    let output = Command::new(root().join("scripts/app-image")).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "scripts/app-image {arguments:?}: {}", text(&output.stderr));
}
