//! Reads the output of `docker save` once, in any of its forms, from Docker 20.10 to the containerd store and Podman.
//! Small files are kept in memory; layers go compressed into the cache, unless they are there or nobody wants them.

use std::collections::BTreeSet;
use std::io::{self, BufReader, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;
use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

use super::cache::{Draft, Known, LayerCache};
use super::compress::{Compressor, Workers};
use super::document::Documents;
use super::facts;
use crate::name::Digest;

/// A larger file is a layer, whatever it begins with. Configurations have some kilobytes.
const LARGEST_DOCUMENT: u64 = 4 << 20;

/// What is read and hashed at a time.
const CHUNK: usize = 256 << 10;

/// Why an archive could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum SaveError {
    /// The stream ended early or is no archive.
    #[error("read the image from Docker")]
    Archive(#[source] io::Error),
    /// The cache could not be written.
    #[error("write the layer cache")]
    Cache(#[source] io::Error),
}

/// Which layers are worth compressing.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    /// All of them: nobody knows yet which they are.
    All,
    /// These. A layer whose name does not say which it is counts as wanted, because it must be read to find out.
    Only(BTreeSet<Digest>),
}

impl Wanted {
    fn includes(&self, layer: &Digest) -> bool {
        match self {
            Self::All => true,
            Self::Only(layers) => layers.contains(layer),
        }
    }
}

/// Reads an archive to its end and gives its small files. `progress` counts the bytes.
pub(super) fn read(
    input: impl Read,
    cache: &LayerCache,
    wanted: &Wanted,
    progress: &AtomicU64,
) -> Result<Documents, SaveError> {
    let mut archive = tar::Archive::new(Counted { input: BufReader::with_capacity(CHUNK, input), progress });
    let mut reader = Reader { cache, wanted, workers: Workers::start(), documents: Documents::new() };
    for entry in archive.entries().map_err(SaveError::Archive)? {
        let entry = entry.map_err(SaveError::Archive)?;
        // A link is a layer that occurs twice, and its target is in the archive too.
        if entry.header().entry_type().is_file() {
            let path = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
            let size = entry.size();
            reader.file(&path, size, Whole { input: entry, left: size })?;
        }
    }
    // Docker fails if nobody takes the padding at the end.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(SaveError::Archive)?;
    Ok(reader.documents)
}

struct Reader<'a> {
    cache: &'a LayerCache,
    wanted: &'a Wanted,
    workers: Workers,
    documents: Documents,
}

impl Reader<'_> {
    fn file(&mut self, path: &str, size: u64, mut entry: impl Read) -> Result<(), SaveError> {
        let name = LayerName::of(path);
        let may_be_document = match name {
            LayerName::Blob(_) | LayerName::None => size <= LARGEST_DOCUMENT,
            LayerName::Other(_) => false,
        };
        if !may_be_document {
            return self.layer(name, size, entry);
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(SaveError::Archive)?;
        // A blob's name does not say what it is, but a tar has zero bytes, so it is never JSON.
        if name == LayerName::None || serde_json::from_slice::<IgnoredAny>(&bytes).is_ok() {
            self.documents.insert(path.to_owned(), bytes);
            return Ok(());
        }
        self.layer(name, size, bytes.as_slice())
    }

    fn layer(&self, name: LayerName<'_>, size: u64, mut data: impl Read) -> Result<(), SaveError> {
        let (LayerName::Blob(hex) | LayerName::Other(hex)) = name else { return Ok(()) };
        if let Some(known) = self.cache.known(hex)
            && (!self.wanted.includes(&known.digest) || self.cache.has_layer(&known.digest))
        {
            return Ok(());
        }
        let mut start = Vec::new();
        data.by_ref().take(4).read_to_end(&mut start).map_err(SaveError::Archive)?;
        let packing = Packing::of(&start);
        if let (LayerName::Blob(_), Packing::None) = (name, packing)
            && let Ok(digest) = format!("sha256:{hex}").parse()
            && !self.wanted.includes(&digest)
        {
            return self.remember(hex, &Known { digest, size });
        }
        let draft = self.cache.draft().map_err(SaveError::Cache)?;
        let (draft, known) = packing.pack(start.chain(data), draft, &self.workers)?;
        self.cache.keep_layer(draft, &known.digest).map_err(SaveError::Cache)?;
        self.remember(known.digest.hex(), &known)?;
        self.remember(hex, &known)
    }

    fn remember(&self, name: &str, known: &Known) -> Result<(), SaveError> {
        self.cache.remember(name, known).map_err(SaveError::Cache)
    }
}

/// What a path says of a layer: 64 hexadecimal digits that stand for its content, one way or another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LayerName<'a> {
    /// `blobs/sha256/HEX`: the digest of the file as it is, which may also be a document.
    Blob(&'a str),
    /// `HEX/layer.tar` (Docker up to 24) and `HEX.tar` (Podman).
    Other(&'a str),
    /// It is no layer.
    None,
}

impl<'a> LayerName<'a> {
    fn of(path: &'a str) -> Self {
        let is_hex = |text: &&str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if let Some(hex) = path.strip_prefix("blobs/sha256/").filter(is_hex) {
            return Self::Blob(hex);
        }
        let other = path.strip_suffix("/layer.tar").or_else(|| path.strip_suffix(".tar"));
        other.filter(is_hex).map_or(Self::None, Self::Other)
    }
}

/// How the engine keeps a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    /// As a plain tar.
    None,
    Gzip,
    Zstd,
}

impl Packing {
    /// By the first bytes (RFC 1952, section 2.3.1; RFC 8878, section 3.1.1).
    fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Self::Zstd,
            _ => Self::None,
        }
    }

    /// Writes the layer as gzip, and says which it is.
    fn pack(self, data: impl Read, draft: Draft, workers: &Workers) -> Result<(Draft, Known), SaveError> {
        match self {
            Self::None => compress(data, draft, workers),
            Self::Zstd => compress(zstd::Decoder::new(data).map_err(SaveError::Archive)?, draft, workers),
            Self::Gzip => {
                // What is compressed already is taken as it is.
                let tee = Tee { input: data, copy: draft, failed: None };
                let mut decoder = MultiGzDecoder::new(tee);
                let measured = measure(&mut decoder, &mut io::sink());
                let tee = decoder.into_inner();
                match tee.failed {
                    Some(error) => Err(SaveError::Cache(error)),
                    None => Ok((tee.copy, measured?)),
                }
            }
        }
    }
}

fn compress(data: impl Read, draft: Draft, workers: &Workers) -> Result<(Draft, Known), SaveError> {
    let mut compressor = Compressor::new(workers, draft);
    let known = measure(data, &mut compressor)?;
    Ok((compressor.finish().map_err(SaveError::Cache)?, known))
}

/// Copies a layer's tar and finds out which layer it is.
fn measure(mut data: impl Read, out: &mut impl Write) -> Result<Known, SaveError> {
    let (mut hasher, mut size) = (Sha256::new(), 0);
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = data.read(&mut buffer).map_err(SaveError::Archive)?;
        let Some(chunk @ [_, ..]) = buffer.get(..count) else { break };
        hasher.update(chunk);
        out.write_all(chunk).map_err(SaveError::Cache)?;
        size += count as u64;
    }
    Ok(Known { digest: facts::finished(hasher), size })
}

/// Copies what is read. A failure to write is kept apart: to the reader it looks like one of the input.
struct Tee<R> {
    input: R,
    copy: Draft,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Tee<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        if let Err(error) = self.copy.file.write_all(buffer.get(..count).unwrap_or_default()) {
            self.failed = Some(error);
            return Err(io::Error::other("the copy failed"));
        }
        Ok(count)
    }
}

/// A file of the archive, to its end: a stream that breaks off must not pass for a shorter layer.
struct Whole<R> {
    input: R,
    left: u64,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        if count == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(count)
    }
}

/// Counts what is read, for a progress bar.
struct Counted<'a, R> {
    input: R,
    progress: &'a AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.progress.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
