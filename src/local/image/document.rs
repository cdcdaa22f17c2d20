//! The small files of an image archive that say what is in it. Docker up to 24 writes only `manifest.json`; newer ones
//! write an OCI layout too (OCI image specification, "image-layout.md"), the containerd store possibly with several
//! platforms and with attestations, which are manifests that are no images.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::facts::ImageFacts;
use crate::name::Digest;

/// The small files by path.
pub(super) type Documents = BTreeMap<String, Vec<u8>>;

/// How deep an index may be in indexes; two is what builders make.
const DEEPEST: u8 = 4;

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: Digest,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// One element of `manifest.json`.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "Config")]
    config: String,
}

/// The configurations of all images whose documents are in the archive, each once, in order.
pub(super) fn configurations(documents: &Documents) -> Vec<(ImageFacts, Vec<u8>)> {
    let mut found = Vec::new();
    if let Some(index) = documents.get("index.json") {
        from_index(documents, index, DEEPEST, &mut found);
    }
    if found.is_empty() {
        let manifest = documents.get("manifest.json").map(Vec::as_slice).unwrap_or_default();
        let entries: Vec<Entry> = serde_json::from_slice(manifest).unwrap_or_default();
        found.extend(entries.iter().filter_map(|entry| documents.get(&entry.config)));
    }
    let mut images: Vec<(ImageFacts, Vec<u8>)> = Vec::new();
    for bytes in found {
        if let Ok(facts) = ImageFacts::from_config(bytes)
            && images.iter().all(|(image, _)| image.digest != facts.digest)
        {
            images.push((facts, bytes.clone()));
        }
    }
    images
}

/// Follows what is there. Manifests of platforms that the engine does not have are named and missing.
fn from_index<'a>(documents: &'a Documents, index: &[u8], deepest: u8, found: &mut Vec<&'a Vec<u8>>) {
    let index: Index = serde_json::from_slice(index).unwrap_or(Index { manifests: Vec::new() });
    for descriptor in index.manifests {
        let Some(bytes) = documents.get(&blob(&descriptor.digest)) else { continue };
        if descriptor.annotations.contains_key("vnd.docker.reference.type") {
            continue;
        }
        if let Ok(manifest) = serde_json::from_slice::<Manifest>(bytes) {
            found.extend(documents.get(&blob(&manifest.config.digest)));
        } else if deepest > 0 {
            from_index(documents, bytes, deepest - 1, found);
        }
    }
}

/// Where an OCI layout keeps it.
pub(super) fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}
