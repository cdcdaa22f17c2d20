//! A Docker client that says what a test wants, and the images that it has.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use futures_util::StreamExt;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use ship::local::docker::Docker;
use ship::local::image::{ImageError, LayerCache, LocalImage, Parcel};
use ship::name::Digest;
use tempfile::TempDir;

/// A client, its answers and a cache, gone when dropped.
pub(crate) struct Fake {
    directory: TempDir,
}

impl Fake {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // A link to a program that nobody writes to: a file that was just written may still be open in a process that
        // another test is starting, and the system does not run such files.
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/local/fake-docker");
        std::os::unix::fs::symlink(program, directory.path().join("docker")).unwrap();
        let fake = Self { directory };
        fake.says("info", r#"[["Backing Filesystem","extfs"]]"#);
        fake.says("version", "1.41");
        fake.says("output", "");
        fake
    }

    /// An engine with one image.
    pub(crate) fn with(image: &TestImage, form: Form) -> Self {
        let fake = Self::new();
        fake.says("image.tar", image.saved(form));
        fake.says("inspect", image.inspected(form).to_string());
        if form.is_containerd() {
            fake.says("info", r#"[["driver-type","io.containerd.snapshotter.v1"]]"#);
        }
        fake
    }

    pub(crate) fn says(&self, name: &str, answer: impl AsRef<[u8]>) {
        fs::write(self.path(name), answer).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn docker(&self) -> Docker {
        Docker::new(self.path("docker"))
    }

    pub(crate) fn cache(&self) -> LayerCache {
        LayerCache::new(self.path("cache"), 1 << 30)
    }

    /// The command lines so far that began with this word.
    pub(crate) fn calls(&self, word: &str) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().filter(|line| line.split(' ').next() == Some(word)).map(str::to_owned).collect()
    }

    pub(crate) async fn open(&self, platform: Option<&str>) -> Result<LocalImage, ImageError> {
        LocalImage::open(&self.docker(), &self.cache(), "blog:new", platform, &|_, _| ()).await
    }
}

/// How an engine saves an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Docker 20.10 to 24: directories by an ID of old, a link for a layer that occurs twice.
    Legacy,
    /// Docker 25 and newer with the classic store.
    Hybrid,
    /// The containerd store, with layers as a builder left them.
    Containerd(Packed),
    /// The containerd store, several platforms and attestations.
    Index,
    /// Podman's stand-in.
    Podman,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packed {
    No,
    Gzip,
    Zstd,
}

impl Form {
    pub(crate) const ALL: [Self; 7] = [
        Self::Legacy,
        Self::Hybrid,
        Self::Containerd(Packed::No),
        Self::Containerd(Packed::Gzip),
        Self::Containerd(Packed::Zstd),
        Self::Index,
        Self::Podman,
    ];

    pub(crate) fn is_containerd(self) -> bool {
        matches!(self, Self::Containerd(_) | Self::Index)
    }
}

/// An image of layers that are tars with one file each.
pub(crate) struct TestImage {
    pub(crate) layers: Vec<Vec<u8>>,
    pub(crate) architecture: &'static str,
}

impl TestImage {
    /// Three layers, the last of them twice, one larger than what is compressed at a time.
    pub(crate) fn usual() -> Self {
        let noise: Vec<u8> =
            (0_u32..300_000).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()).collect();
        let layers =
            vec![layer("base", b"the base"), layer("runtime", &noise), layer("app", b"v1"), layer("app", b"v1")];
        Self { layers, architecture: "amd64" }
    }

    pub(crate) fn diff_ids(&self) -> Vec<Digest> {
        self.layers.iter().map(|layer| digest(layer)).collect()
    }

    pub(crate) fn config(&self) -> Vec<u8> {
        let config = json!({
            "architecture": self.architecture,
            "os": "linux",
            "variant": if self.architecture == "arm64" { "v8" } else { "" },
            "config": runtime(),
            "rootfs": { "type": "layers", "diff_ids": self.diff_ids() },
        });
        config.to_string().into_bytes()
    }

    fn inspected(&self, form: Form) -> Value {
        let id = match form {
            Form::Podman => digest(&self.config()).hex().to_owned(),
            Form::Containerd(_) | Form::Index => digest(b"some manifest").to_string(),
            Form::Legacy | Form::Hybrid => digest(&self.config()).to_string(),
        };
        json!({
            "Id": id,
            "Size": 1234,
            "Architecture": self.architecture,
            "Os": "linux",
            "Config": runtime(),
            "RootFS": { "Type": "layers", "Layers": self.diff_ids() },
        })
    }

    /// What `docker save` gives.
    pub(crate) fn saved(&self, form: Form) -> Vec<u8> {
        match form {
            Form::Legacy => self.legacy(),
            Form::Podman => self.podman(),
            Form::Hybrid => self.layout(Packed::No, false),
            Form::Containerd(packed) => self.layout(packed, false),
            Form::Index => self.layout(Packed::Gzip, true),
        }
    }

    fn legacy(&self) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut paths: Vec<String> = Vec::new();
        let mut first: BTreeMap<Digest, String> = BTreeMap::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let id = digest(format!("id of old {index} {}", digest(layer)).as_bytes()).hex().to_owned();
            put(&mut tar, &format!("{id}/VERSION"), b"1.0");
            put(&mut tar, &format!("{id}/json"), b"{}");
            let path = format!("{id}/layer.tar");
            match first.get(&digest(layer)) {
                Some(other) => {
                    let mut header = tar::Header::new_gnu();
                    header.set_entry_type(tar::EntryType::Symlink);
                    header.set_size(0);
                    tar.append_link(&mut header, &path, format!("../{other}/layer.tar")).unwrap();
                }
                None => put(&mut tar, &path, layer),
            }
            first.entry(digest(layer)).or_insert(id);
            paths.push(path);
        }
        let config = format!("{}.json", digest(&self.config()).hex());
        put(&mut tar, &config, &self.config());
        put(&mut tar, "manifest.json", json!([{ "Config": config, "Layers": paths }]).to_string().as_bytes());
        put(&mut tar, "repositories", b"{}");
        tar.into_inner().unwrap()
    }

    fn podman(&self) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let paths: Vec<String> = self.diff_ids().iter().map(|id| format!("{}.tar", id.hex())).collect();
        for (path, layer) in paths.iter().zip(&self.layers) {
            put(&mut tar, path, layer);
        }
        let config = format!("{}.json", digest(&self.config()).hex());
        put(&mut tar, &config, &self.config());
        put(&mut tar, "manifest.json", json!([{ "Config": config, "Layers": paths }]).to_string().as_bytes());
        tar.into_inner().unwrap()
    }

    fn layout(&self, packed: Packed, index: bool) -> Vec<u8> {
        let mut blobs = BTreeMap::new();
        let mut manifests = vec![self.manifest(packed, &mut blobs)];
        if index {
            let other = Self { layers: vec![layer("other", b"arm")], architecture: "arm64" };
            manifests.push(other.manifest(packed, &mut blobs));
            let mut attestation = Self { layers: vec![], architecture: "unknown" }.manifest(packed, &mut blobs);
            attestation["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
            manifests.push(attestation);
            // Known by name, and not in this engine.
            manifests.push(json!({ "digest": digest(b"absent"), "size": 6 }));
            let inner = json!({ "schemaVersion": 2, "manifests": manifests }).to_string().into_bytes();
            manifests = vec![json!({ "digest": digest(&inner), "size": inner.len() })];
            blobs.insert(digest(&inner).hex().to_owned(), inner);
        }
        let mut tar = tar::Builder::new(Vec::new());
        for (hex, blob) in blobs {
            put(&mut tar, &format!("blobs/sha256/{hex}"), &blob);
        }
        put(&mut tar, "index.json", json!({ "schemaVersion": 2, "manifests": manifests }).to_string().as_bytes());
        put(&mut tar, "oci-layout", b"{\"imageLayoutVersion\":\"1.0.0\"}");
        tar.into_inner().unwrap()
    }

    fn manifest(&self, packed: Packed, blobs: &mut BTreeMap<String, Vec<u8>>) -> Value {
        let mut keep = |bytes: Vec<u8>| {
            let descriptor = json!({ "digest": digest(&bytes), "size": bytes.len() });
            blobs.insert(digest(&bytes).hex().to_owned(), bytes);
            descriptor
        };
        let layers: Vec<Value> = self.layers.iter().map(|layer| keep(pack(layer, packed))).collect();
        let manifest = json!({ "schemaVersion": 2, "config": keep(self.config()), "layers": layers });
        keep(manifest.to_string().into_bytes())
    }
}

fn runtime() -> Value {
    json!({
        "User": "1000:1000",
        "WorkingDir": "/app",
        "ExposedPorts": { "3000/tcp": {}, "53/udp": {}, "80/tcp": {} },
        "Volumes": { "/data": {} },
        "Cmd": ["serve"],
    })
}

fn pack(layer: &[u8], packed: Packed) -> Vec<u8> {
    match packed {
        Packed::No => layer.to_vec(),
        Packed::Zstd => zstd::encode_all(layer, 1).unwrap(),
        Packed::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(layer).unwrap();
            encoder.finish().unwrap()
        }
    }
}

/// A tar with one file.
pub(crate) fn layer(name: &str, content: &[u8]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    put(&mut tar, name, content);
    tar.into_inner().unwrap()
}

fn put(tar: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, path, content).unwrap();
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    format!("sha256:{hex}").parse().unwrap()
}

/// All bytes that a host would get.
pub(crate) async fn sent(parcel: &Parcel) -> Vec<u8> {
    let chunks: Vec<_> = parcel.stream().collect().await;
    let bytes: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.unwrap().to_vec()).collect();
    assert_eq!(bytes.len() as u64, parcel.bytes, "the length is known before");
    bytes
}

/// The files of an archive.
pub(crate) fn unpacked(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(archive).read_to_end(&mut plain).unwrap();
    assert!(plain.ends_with(&[0; 1024]), "two empty blocks end a tar");
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(plain.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert!(files.insert(path, content).is_none(), "each file once");
    }
    files
}
