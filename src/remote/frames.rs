//! How ship's scripts hand files over: `file SIZE NAME` and the bytes, line by line, up to `end`.

use std::collections::BTreeMap;
use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// The largest file that a script hands over; more is a sign that lines and bytes were mixed up.
const LARGEST: usize = 256 * 1024 * 1024;
/// The longest line, a ledger's line among them.
const LONGEST_LINE: u64 = 1024 * 1024;

/// What a script handed over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// Files by the name under which the script knows them.
    pub(super) files: BTreeMap<String, Vec<u8>>,
    /// Who holds the lease.
    pub(super) held_by: Option<String>,
}

/// One line without its end; `None` at the end of the stream.
pub(super) async fn line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    reader.take(LONGEST_LINE).read_until(b'\n', &mut bytes).await?;
    if bytes.pop() != Some(b'\n') {
        return if bytes.is_empty() { Ok(None) } else { Err(nonsense(&String::from_utf8_lossy(&bytes))) };
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Everything up to `end`.
pub(super) async fn contents(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Contents> {
    let mut contents = Contents::default();
    loop {
        let line = line(reader).await?.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match word {
            "end" => return Ok(contents),
            "held_by" => contents.held_by = Some(rest.to_owned()),
            "file" => {
                let (size, name) = rest.split_once(' ').ok_or_else(|| nonsense(&line))?;
                let size: usize = size.parse().ok().filter(|&size| size <= LARGEST).ok_or_else(|| nonsense(&line))?;
                let mut bytes = vec![0; size];
                reader.read_exact(&mut bytes).await?;
                contents.files.insert(name.to_owned(), bytes);
            }
            _ => return Err(nonsense(&line)),
        }
    }
}

/// An answer that is none: what a login message or a forced command says instead of a script.
pub(super) fn nonsense(line: &str) -> io::Error {
    let start: String = line.chars().filter(|c| !c.is_control()).take(200).collect();
    io::Error::new(io::ErrorKind::InvalidData, format!("it said `{start}`"))
}
