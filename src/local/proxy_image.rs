//! The image of ship-proxy, made from its binary alone: no Dockerfile, no registry, no local engine. The same binary
//! always gives the same bytes, so its tag says whether a host has it.

use std::io::{self, Write};

use serde_json::json;
use tar::{Builder, EntryType, Header};

use crate::local::image::{Contents, LayerEntry, digest, gzip};
use crate::name::Digest;

/// Where the binary is in the image.
pub const PROGRAM: &str = "/ship-proxy";

/// The label with ship-proxy's version.
pub const VERSION_LABEL: &str = "ship.proxy.version";

/// An image, ready to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyImage {
    /// `ship-proxy:0.1.0-0123456789ab`: version and the beginning of the digest.
    pub reference: String,
    /// Digest of its configuration.
    pub digest: Digest,
    /// gzip of a tar, for the engine API's `POST /images/load`.
    pub archive: Vec<u8>,
}

/// Makes the image of a binary for a platform (`linux/amd64`).
pub fn proxy_image(binary: &[u8], version: &str, platform: &str) -> io::Result<ProxyImage> {
    let layer = layer(binary)?;
    let entry = LayerEntry { digest: digest(&layer), size: layer.len() as u64 };
    let config = configuration(&entry.digest, version, platform);
    let digest = digest(&config);
    let reference = format!("ship-proxy:{version}-{}", digest.short());
    let contents = Contents { reference: &reference, config: &config, layers: std::slice::from_ref(&entry) };
    let mut archive = entry.header()?;
    archive.write_all(&layer)?;
    archive.extend(entry.padding());
    archive.extend(contents.tail()?);
    Ok(ProxyImage { archive: gzip(&archive), reference, digest })
}

/// The one layer: the binary, with the right to bind ports below 1024 for whoever runs it. A process that is not root
/// gets a capability of its container only if the file that it runs has it too (`capabilities(7)`).
fn layer(binary: &[u8]) -> io::Result<Vec<u8>> {
    let mut header = Header::new_ustar();
    header.set_path(PROGRAM.trim_start_matches('/'))?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(binary.len() as u64);
    header.set_cksum();
    let mut layer = Builder::new(Vec::new());
    layer.append_pax_extensions([("SCHILY.xattr.security.capability", bind_capability().as_slice())])?;
    layer.append(&header, binary)?;
    layer.into_inner()
}

/// `cap_net_bind_service+ep` as the kernel stores it (`struct vfs_cap_data`, revision 2, linux/capability.h).
fn bind_capability() -> [u8; 20] {
    const REVISION_2: u32 = 0x0200_0000;
    const EFFECTIVE: u32 = 1;
    const NET_BIND_SERVICE: u32 = 1 << 10;
    let mut bytes = [0; 20];
    for (slot, value) in bytes.chunks_exact_mut(4).zip([REVISION_2 | EFFECTIVE, NET_BIND_SERVICE, 0, 0, 0]) {
        slot.copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

fn configuration(layer: &Digest, version: &str, platform: &str) -> Vec<u8> {
    let (os, architecture) = platform.split_once('/').unwrap_or(("linux", platform));
    let configuration = json!({
        "architecture": architecture,
        "os": os,
        "config": {
            "Entrypoint": [PROGRAM],
            "Labels": { VERSION_LABEL: version },
            "WorkingDir": "/",
        },
        "rootfs": { "type": "layers", "diff_ids": [layer] },
        "history": [{ "created_by": "ship" }],
    });
    configuration.to_string().into_bytes()
}
