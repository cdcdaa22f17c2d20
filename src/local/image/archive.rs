//! The archive that hosts are given: both forms in one, an OCI layout and Docker's older `manifest.json`, because there
//! are engines that read only one of them. Layers that the host has are named and left out.

use std::io::{self, Write};

use serde_json::{Value, json};
use tar::{EntryType, Header};

use super::document::blob;
use super::facts;
use crate::name::Digest;

/// tar's unit.
const BLOCK: u64 = 512;

/// A layer of the image, sent or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::local) struct LayerEntry {
    /// Diff ID; also the blob's digest, because the layer goes uncompressed into the archive.
    pub(in crate::local) digest: Digest,
    /// Of the tar.
    pub(in crate::local) size: u64,
}

impl LayerEntry {
    /// What stands before the layer's tar in the archive.
    pub(in crate::local) fn header(&self) -> io::Result<Vec<u8>> {
        header(&blob(&self.digest), self.size)
    }

    /// What stands after it.
    pub(in crate::local) fn padding(&self) -> Vec<u8> {
        padding(self.size)
    }
}

/// What an archive says that it holds.
#[derive(Debug)]
pub(in crate::local) struct Contents<'a> {
    /// The tag that the image gets.
    pub(in crate::local) reference: &'a str,
    /// The bytes of its configuration.
    pub(in crate::local) config: &'a [u8],
    /// All of its layers, lowest first.
    pub(in crate::local) layers: &'a [LayerEntry],
}

impl Contents<'_> {
    /// The end of the archive, after the layers that are sent.
    pub(in crate::local) fn tail(&self) -> io::Result<Vec<u8>> {
        let config = facts::digest(self.config);
        let manifest = self.manifest(&config).to_string().into_bytes();
        let digest = facts::digest(&manifest);
        let index = self.index(&digest, manifest.len());
        let layers: Vec<String> = self.layers.iter().map(|layer| blob(&layer.digest)).collect();
        let docker = json!([{ "Config": blob(&config), "RepoTags": [self.reference], "Layers": layers }]);
        let mut tail = Vec::new();
        append(&mut tail, &blob(&config), self.config)?;
        append(&mut tail, &blob(&digest), &manifest)?;
        append(&mut tail, "index.json", index.to_string().as_bytes())?;
        append(&mut tail, "manifest.json", docker.to_string().as_bytes())?;
        append(&mut tail, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        // Two empty blocks end a tar.
        tail.extend([0; 1024]);
        Ok(tail)
    }

    fn manifest(&self, config: &Digest) -> Value {
        let layers: Vec<Value> = self
            .layers
            .iter()
            .map(|layer| {
                json!({
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": layer.digest,
                    "size": layer.size,
                })
            })
            .collect();
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config,
                "size": self.config.len(),
            },
            "layers": layers,
        })
    }

    fn index(&self, manifest: &Digest, size: usize) -> Value {
        let full = full_reference(self.reference);
        let tag = full.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [{
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": manifest,
                "size": size,
                // The containerd store takes the name from here.
                "annotations": { "io.containerd.image.name": full, "org.opencontainers.image.ref.name": tag },
            }],
        })
    }
}

/// A reference with what Docker leaves out: `blog:r1` is `docker.io/library/blog:r1`.
pub(super) fn full_reference(reference: &str) -> String {
    let tagged = match reference.rsplit_once(':') {
        // A colon before a slash belongs to a registry's port.
        Some((_, tag)) if !tag.contains('/') => reference.to_owned(),
        _ => format!("{reference}:latest"),
    };
    match tagged.split_once('/') {
        None => format!("docker.io/library/{tagged}"),
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => tagged,
        Some(_) => format!("docker.io/{tagged}"),
    }
}

fn append(archive: &mut Vec<u8>, path: &str, bytes: &[u8]) -> io::Result<()> {
    let size = bytes.len() as u64;
    archive.extend(header(path, size)?);
    archive.write_all(bytes)?;
    archive.extend(padding(size));
    Ok(())
}

/// The header of a plain file. The GNU form, because it has room for more than 8 GiB.
fn header(path: &str, size: u64) -> io::Result<Vec<u8>> {
    let mut header = Header::new_gnu();
    header.set_path(path)?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    Ok(header.as_bytes().to_vec())
}

fn padding(size: u64) -> Vec<u8> {
    let length = (BLOCK - size % BLOCK) % BLOCK;
    std::iter::repeat_n(0, usize::try_from(length).unwrap_or(0)).collect()
}
