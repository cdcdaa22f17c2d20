//! Compressed layers on disk, so that a layer is compressed once and not for every deploy. Everything here can be
//! made again: a file that is missing or was damaged costs time and nothing else.
//!
//! `layers/DIFF-ID` is the layer's tar as gzip. `known/NAME` says which layer an engine means by a name of its own, and
//! how long its tar is. `configs/DIGEST` is an image's configuration. Files are written beside their name and moved, so
//! several ships can share a cache.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};

use super::facts;
use crate::local::person::Lookup;
use crate::name::Digest;

/// A file that is being written is abandoned if it is this much older than the newest one in the cache.
const ABANDONED: Duration = Duration::from_hours(24);

/// Counts the drafts of this process.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Where compressed layers are kept.
#[derive(Debug, Clone)]
pub struct LayerCache {
    directory: PathBuf,
    limit: u64,
}

/// What a name of the engine's stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    /// Of the uncompressed tar.
    pub(super) digest: Digest,
    /// Of the uncompressed tar.
    pub(super) size: u64,
}

impl LayerCache {
    /// A cache in this directory (`$XDG_CACHE_HOME/ship`), which is made when it is needed. When it grows beyond
    /// `limit` bytes, the layers that were not used for longest go.
    pub fn new(directory: PathBuf, limit: u64) -> Self {
        Self { directory, limit }
    }

    /// Where the XDG base directory specification wants a cache of ship's: `$XDG_CACHE_HOME/ship`, else
    /// `~/.cache/ship`. `None` for a user without a home.
    pub fn usual_directory(environment: Lookup<'_>) -> Option<PathBuf> {
        let absolute = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let caches = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
        caches.map(|caches| caches.join("ship"))
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A compressed layer, counted as used now.
    pub(super) fn layer(&self, layer: &Digest) -> Option<File> {
        let file = File::open(self.path("layers", layer.hex())).ok()?;
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        // Without the time it goes earlier, that is all.
        let _ = futimens(&file, &Timestamps { last_access: now, last_modification: now });
        Some(file)
    }

    /// Whether a compressed layer is there.
    pub(super) fn has_layer(&self, layer: &Digest) -> bool {
        self.path("layers", layer.hex()).exists()
    }

    /// What a name stands for.
    pub(super) fn known(&self, name: &str) -> Option<Known> {
        let text = fs::read_to_string(self.path("known", name)).ok()?;
        let (digest, size) = text.strip_suffix('\n')?.split_once(' ')?;
        Some(Known { digest: digest.parse().ok()?, size: size.parse().ok()? })
    }

    /// Remembers what a name stands for.
    pub(super) fn remember(&self, name: &str, known: &Known) -> io::Result<()> {
        if self.known(name).as_ref() == Some(known) {
            return Ok(());
        }
        let mut draft = self.draft()?;
        writeln!(draft.file, "{} {}", known.digest, known.size)?;
        draft.keep(&self.path("known", name))
    }

    /// The configuration with this digest.
    pub(super) fn config(&self, config: &Digest) -> Option<Vec<u8>> {
        let bytes = fs::read(self.path("configs", config.hex())).ok()?;
        (facts::digest(&bytes) == *config).then_some(bytes)
    }

    /// Keeps a configuration.
    pub(super) fn keep_config(&self, bytes: &[u8]) -> io::Result<()> {
        let mut draft = self.draft()?;
        draft.file.write_all(bytes)?;
        draft.keep(&self.path("configs", facts::digest(bytes).hex()))
    }

    /// A file to write a layer to.
    pub(super) fn draft(&self) -> io::Result<Draft> {
        for part in ["layers", "known", "configs", "drafts"] {
            // The layers of a private app are nobody else's business.
            DirBuilder::new().recursive(true).mode(0o700).create(self.directory.join(part))?;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = self.path("drafts", &format!("{}-{number}", std::process::id()));
        Ok(Draft { file: File::create(&path)?, path: Some(path) })
    }

    /// Keeps a finished draft as a layer. It reaches the disk before it gets its name: a power cut must not leave a
    /// name with half a layer behind it.
    pub(super) fn keep_layer(&self, draft: Draft, layer: &Digest) -> io::Result<()> {
        draft.file.sync_data()?;
        draft.keep(&self.path("layers", layer.hex()))
    }

    /// Brings the cache back to its limit; never takes the layers of `keep`.
    pub(super) fn prune(&self, keep: &[Digest]) -> io::Result<()> {
        let mut layers = listed(&self.directory.join("layers"))?;
        layers.sort_by_key(|file| file.used);
        let newest = layers.last().map(|file| file.used);
        let keep: BTreeSet<&str> = keep.iter().map(Digest::hex).collect();
        let mut total: u64 = layers.iter().map(|file| file.size).sum();
        for file in layers {
            if total <= self.limit {
                break;
            }
            if !keep.contains(file.name.as_str()) {
                fs::remove_file(self.path("layers", &file.name))?;
                total -= file.size;
            }
        }
        for draft in listed(&self.directory.join("drafts"))? {
            if newest.and_then(|newest| newest.duration_since(draft.used).ok()).is_some_and(|age| age > ABANDONED) {
                fs::remove_file(self.path("drafts", &draft.name))?;
            }
        }
        Ok(())
    }

    fn path(&self, part: &str, name: &str) -> PathBuf {
        self.directory.join(part).join(name)
    }
}

struct Listed {
    name: String,
    size: u64,
    used: SystemTime,
}

fn listed(directory: &Path) -> io::Result<Vec<Listed>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // Another ship may have removed it meanwhile.
        if let Ok(metadata) = entry.metadata() {
            let name = entry.file_name().to_string_lossy().into_owned();
            files.push(Listed { name, size: metadata.len(), used: metadata.modified()? });
        }
    }
    Ok(files)
}

/// A file that has no name yet; gone when it is dropped.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) file: File,
    /// `None` once it has its name.
    path: Option<PathBuf>,
}

impl Draft {
    fn keep(mut self, name: &Path) -> io::Result<()> {
        match self.path.take() {
            Some(path) => fs::rename(path, name),
            None => Ok(()),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What stays is removed by a later prune.
            let _ = fs::remove_file(path);
        }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
