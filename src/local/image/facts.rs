//! What a plan needs to know of an image, from its configuration (OCI image specification, "config.md") or from what
//! the engine says of it: both have the same keys, except at the top.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::name::{Digest, NameError};
use crate::release::Image;

/// What an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// Digest of the configuration.
    pub digest: Digest,
    /// Diff IDs, lowest first.
    pub layers: Vec<Digest>,
    /// `linux/amd64`
    pub platform: String,
    /// TCP ports of EXPOSE, in the order of the configuration.
    pub exposed: Vec<u16>,
    /// USER; empty for root.
    pub user: String,
    /// WORKDIR; empty for `/`.
    pub workdir: String,
    /// Paths of VOLUME: what an app writes there is lost with its container unless something is mounted.
    pub volumes: Vec<String>,
}

/// An image's configuration.
#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    variant: String,
    config: Option<Runtime>,
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Vec<Digest>,
}

/// One element of the answer of `docker image inspect`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    /// With `sha256:`, except from Podman.
    id: String,
    /// Of all that the engine would save, about.
    #[serde(default)]
    pub(super) size: u64,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    variant: String,
    config: Option<Runtime>,
    #[serde(rename = "RootFS")]
    root_fs: Option<InspectedLayers>,
}

#[derive(Deserialize)]
struct InspectedLayers {
    #[serde(rename = "Layers")]
    layers: Option<Vec<Digest>>,
}

/// How containers of the image run: the same keys in both.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Runtime {
    #[serde(default)]
    user: String,
    #[serde(default)]
    working_dir: String,
    exposed_ports: Option<BTreeMap<String, Value>>,
    volumes: Option<BTreeMap<String, Value>>,
}

impl ImageFacts {
    /// From the bytes of a configuration.
    pub fn from_config(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let configuration: Configuration = serde_json::from_slice(bytes)?;
        let platform = platform_text(&configuration.os, &configuration.architecture, &configuration.variant);
        let runtime = configuration.config.unwrap_or_default();
        Ok(Self::new(digest(bytes), configuration.rootfs.diff_ids, platform, runtime))
    }

    /// From what an engine says whose image IDs are digests of configurations.
    pub(super) fn from_inspected(inspected: Inspected) -> Result<Self, NameError> {
        let digest = inspected.digest()?;
        let platform = platform_text(&inspected.os, &inspected.architecture, &inspected.variant);
        let layers = inspected.root_fs.and_then(|root_fs| root_fs.layers).unwrap_or_default();
        Ok(Self::new(digest, layers, platform, inspected.config.unwrap_or_default()))
    }

    fn new(digest: Digest, layers: Vec<Digest>, platform: String, runtime: Runtime) -> Self {
        Self {
            digest,
            layers,
            platform,
            exposed: runtime.exposed_ports.iter().flatten().filter_map(|(port, _)| tcp_port(port)).collect(),
            user: runtime.user,
            workdir: runtime.working_dir,
            volumes: runtime.volumes.unwrap_or_default().into_keys().collect(),
        }
    }

    /// The image as a release records it, under the tag that hosts keep it by.
    pub fn image(&self, reference: String) -> Image {
        Image {
            reference,
            digest: self.digest.clone(),
            layers: self.layers.clone(),
            platform: self.platform.clone(),
            exposed: self.exposed.clone(),
            user: self.user.clone(),
        }
    }
}

impl Inspected {
    /// The engine's own identifier of the image.
    pub(super) fn digest(&self) -> Result<Digest, NameError> {
        self.id.parse().or_else(|error| format!("sha256:{}", self.id).parse().map_err(|_| error))
    }
}

/// `3000/tcp`, or `3000`, which means the same.
fn tcp_port(text: &str) -> Option<u16> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    port.parse().ok().filter(|_| protocol == "tcp")
}

/// A platform as `docker build --platform` takes it. The one variant of arm64 that there is goes without saying.
pub fn platform_text(os: &str, architecture: &str, variant: &str) -> String {
    match (architecture, variant) {
        (_, "") | ("arm64", "v8") => format!("{os}/{architecture}"),
        _ => format!("{os}/{architecture}/{variant}"),
    }
}

/// The SHA-256 digest of bytes that are at hand.
pub(in crate::local) fn digest(bytes: &[u8]) -> Digest {
    finished(Sha256::new_with_prefix(bytes))
}

/// The digest that a hasher has arrived at.
#[expect(clippy::expect_used, reason = "32 bytes in hexadecimal are the form that a digest has")]
pub(super) fn finished(hasher: Sha256) -> Digest {
    let mut text = "sha256:".to_owned();
    for byte in hasher.finalize() {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.parse().expect("a digest")
}
