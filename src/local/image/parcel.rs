//! What one host is sent: an archive for `docker load`, compressed as a whole, of which most bytes lie in the cache.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};

/// How much is read at a time: a few SSH packets.
const CHUNK: u64 = 256 << 10;

/// What a host lacks of an image, ready to be sent as often as needed.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Layers that are in it.
    pub layers: usize,
    /// Layers that the image has.
    pub of_layers: usize,
    /// The length of the stream.
    pub bytes: u64,
    pieces: Arc<[Piece]>,
}

/// A part of the stream. A file stays readable even if the cache drops it meanwhile.
#[derive(Debug)]
pub(super) enum Piece {
    Memory(Bytes),
    File { file: File, size: u64 },
}

impl Parcel {
    pub(super) fn new(layers: usize, of_layers: usize, pieces: Vec<Piece>) -> Self {
        let size = |piece: &Piece| match piece {
            Piece::Memory(bytes) => bytes.len() as u64,
            Piece::File { size, .. } => *size,
        };
        Self { layers, of_layers, bytes: pieces.iter().map(size).sum(), pieces: pieces.into() }
    }

    /// The bytes, from the start: gzip of a tar, for the engine API's `POST /images/load`.
    pub fn stream(&self) -> BoxStream<'static, io::Result<Bytes>> {
        let place = Some((Arc::clone(&self.pieces), 0, 0));
        stream::unfold(place, |place| async move {
            let (pieces, index, offset) = place?;
            let read =
                tokio::task::spawn_blocking(move || next(&pieces, index, offset).map(|read| (pieces, read))).await;
            match read.map_err(io::Error::other).and_then(|read| read) {
                Ok((pieces, Some((bytes, index, offset)))) => Some((Ok(bytes), Some((pieces, index, offset)))),
                Ok((_, None)) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }
}

/// The bytes at a place, and the place after them.
fn next(pieces: &[Piece], mut index: usize, mut offset: u64) -> io::Result<Option<(Bytes, usize, u64)>> {
    while let Some(piece) = pieces.get(index) {
        match piece {
            Piece::Memory(bytes) => return Ok(Some((bytes.clone(), index + 1, 0))),
            Piece::File { size, .. } if offset == *size => (index, offset) = (index + 1, 0),
            Piece::File { file, size } => {
                let length = CHUNK.min(*size - offset);
                let mut buffer = vec![0; usize::try_from(length).map_err(io::Error::other)?];
                file.read_exact_at(&mut buffer, offset)?;
                return Ok(Some((buffer.into(), index, offset + length)));
            }
        }
    }
    Ok(None)
}
