//! Images of the example app in the engine of this machine, each built once by `scripts/app-image`.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

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

/// An image that says it is for another platform than the hosts. It is written as an archive, since an engine makes
/// images for its own platform only.
pub(crate) fn for_arm() -> String {
    let name = "ship-example/app:lane-arm";
    // Two empty blocks: a layer without a file.
    let layer = [0; 1024];
    let config = serde_json::json!({
        "architecture": "arm64",
        "os": "linux",
        "config": { "Cmd": ["/app"], "ExposedPorts": { "3000/tcp": {} } },
        "rootfs": { "type": "layers", "diff_ids": [sha256(&layer)] },
    });
    let manifest = serde_json::json!([{ "Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"] }]);
    let mut archive = tar::Builder::new(Vec::new());
    let (config, manifest) = (config.to_string(), manifest.to_string());
    let files = [("config.json", config.as_bytes()), ("layer.tar", &layer), ("manifest.json", manifest.as_bytes())];
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content).unwrap();
    }
    let mut load = Command::new("docker").arg("load").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    load.stdin.take().unwrap().write_all(&archive.into_inner().unwrap()).unwrap();
    assert!(load.wait().unwrap().success(), "docker load");
    name.to_owned()
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn run(arguments: &[&str]) {
    let output = Command::new(root().join("scripts/app-image")).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "scripts/app-image {arguments:?}: {}", text(&output.stderr));
}
