//! What comes out of containers: standard output and error are frames in one stream (Engine API, "Attach to a
//! container", stream format), lines are put together again from pieces. All of it is pure.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio_util::codec::Decoder;

use crate::ports::LogLine;

/// Bytes of one frame's head: the kind, three zeros, the length.
const HEAD: usize = 8;

/// A line longer than this is told in parts.
const LONGEST_LINE: usize = 1 << 20;

/// Where bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// Standard output.
    Output,
    /// Standard error.
    Errors,
}

/// Takes frames apart. Payloads are handed on in the pieces in which they arrive.
#[derive(Default)]
pub(super) struct Frames {
    /// Of the frame that has begun: where it came from and the bytes that are still to come.
    open: Option<(From, usize)>,
}

impl Decoder for Frames {
    type Item = (From, Bytes);
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        loop {
            if let Some((from, left)) = self.open {
                if left == 0 {
                    self.open = None;
                    continue;
                }
                if source.is_empty() {
                    return Ok(None);
                }
                let piece = source.split_to(left.min(source.len())).freeze();
                self.open = Some((from, left - piece.len()));
                return Ok(Some((from, piece)));
            }
            if source.len() < HEAD {
                return Ok(None);
            }
            let kind = source.get_u32();
            let length = source.get_u32() as usize;
            let from = match kind >> 24 {
                0 | 1 => From::Output,
                2 | 3 => From::Errors,
                other => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of the kind {other}")));
                }
            };
            self.open = Some((from, length));
        }
    }
}

/// Takes whole frames apart, one log entry each.
#[derive(Default)]
pub(super) struct Entries;

impl Decoder for Entries {
    type Item = (From, Bytes);
    type Error = io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let Some(head) = source.first_chunk::<HEAD>() else { return Ok(None) };
        let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if source.len() < HEAD + length {
            return Ok(None);
        }
        let from = if head[0] < 2 { From::Output } else { From::Errors };
        source.advance(HEAD);
        Ok(Some((from, source.split_to(length).freeze())))
    }
}

/// Puts lines together from pieces of output and errors.
#[derive(Default)]
pub(super) struct Lines {
    output: BytesMut,
    errors: BytesMut,
}

impl Lines {
    /// Takes a piece and tells the lines that it completes, without their ends.
    pub(super) fn push(&mut self, from: From, piece: &[u8], mut tell: impl FnMut(&str)) {
        let open = match from {
            From::Output => &mut self.output,
            From::Errors => &mut self.errors,
        };
        open.extend_from_slice(piece);
        while let Some(end) = open.iter().position(|byte| *byte == b'\n') {
            tell(&text(&open.split_to(end + 1)));
        }
        if open.len() > LONGEST_LINE {
            tell(&text(&open.split()));
        }
    }

    /// Tells what has no end of line.
    pub(super) fn finish(self, mut tell: impl FnMut(&str)) {
        for rest in [self.output, self.errors] {
            if !rest.is_empty() {
                tell(&text(&rest));
            }
        }
    }
}

fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

/// Puts log lines together from entries with timestamps: the engine cuts a long line into several entries, all but the
/// last of which have no end of line.
#[derive(Default)]
pub(super) struct LogLines {
    output: Option<(String, BytesMut)>,
    errors: Option<(String, BytesMut)>,
}

impl LogLines {
    /// Takes an entry; answers the line that it completes.
    pub(super) fn push(&mut self, from: From, entry: &[u8]) -> Option<LogLine> {
        let (at, text) = match entry.iter().position(|byte| *byte == b' ') {
            Some(space) => (&entry[..space], &entry[space + 1..]),
            None => (entry, &[][..]),
        };
        let open = match from {
            From::Output => &mut self.output,
            From::Errors => &mut self.errors,
        };
        let (_, line) = open.get_or_insert_with(|| (String::from_utf8_lossy(at).into_owned(), BytesMut::new()));
        line.extend_from_slice(text);
        if !line.ends_with(b"\n") && line.len() < LONGEST_LINE {
            return None;
        }
        open.take().map(|open| log_line(from, open))
    }

    /// What has no end of line.
    pub(super) fn finish(self) -> impl Iterator<Item = LogLine> {
        let open = [(From::Output, self.output), (From::Errors, self.errors)];
        open.into_iter().filter_map(|(from, open)| open.map(|open| log_line(from, open)))
    }
}

fn log_line(from: From, (at, mut text): (String, BytesMut)) -> LogLine {
    if text.ends_with(b"\n") {
        text.truncate(text.len() - 1);
    }
    if text.ends_with(b"\r") {
        text.truncate(text.len() - 1);
    }
    LogLine { at, errors: from == From::Errors, text: text.freeze() }
}
