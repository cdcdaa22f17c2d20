//! Finding the `ship-proxy` that a host can run: beside ship itself, for the host's processor.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::Hint;

/// Why there is no `ship-proxy` to be sent.
#[derive(Debug, thiserror::Error)]
pub enum ProxyBinaryError {
    /// There is none.
    #[error("there is no ship-proxy for {platform} beside ship")]
    Missing {
        /// The host's platform.
        platform: String,
        /// Where ship looked.
        looked: Vec<PathBuf>,
    },
    /// It cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// It is there and cannot run on the host.
    #[error("{} cannot run on {platform}: it is {problem}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// The host's platform.
        platform: String,
        /// What it is instead.
        problem: String,
    },
}

impl Hint for ProxyBinaryError {
    fn hints(&self) -> Vec<String> {
        let build = "build it with `cargo install --path .` on such a machine, and set SHIP_PROXY_BINARY to it";
        match self {
            Self::Missing { platform, looked } => {
                let place = looked.first().map(|path| path.display().to_string()).unwrap_or_default();
                vec![format!("put the ship-proxy for {platform} at {place}"), build.to_owned()]
            }
            Self::Unfit { .. } => vec![build.to_owned()],
            Self::Read { .. } => Vec::new(),
        }
    }
}

/// Reads the `ship-proxy` for a platform (`linux/amd64`): the one that the user names (`SHIP_PROXY_BINARY`), else
/// `ship-proxy-amd64` or `ship-proxy` beside `ship`, the path of the running program.
pub fn find(ship: &Path, named: Option<&Path>, platform: &str) -> Result<Vec<u8>, ProxyBinaryError> {
    let candidates = match named {
        Some(path) => vec![path.to_owned()],
        None => beside(ship, platform),
    };
    let mut unfit = None;
    for path in &candidates {
        match fs::read(path) {
            Ok(binary) => match problem(&binary, platform) {
                None => return Ok(binary),
                Some(problem) => {
                    let found = ProxyBinaryError::Unfit { path: path.clone(), platform: platform.to_owned(), problem };
                    unfit = unfit.or(Some(found));
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {}
            Err(source) => return Err(ProxyBinaryError::Read { path: path.clone(), source }),
        }
    }
    Err(unfit.unwrap_or(ProxyBinaryError::Missing { platform: platform.to_owned(), looked: candidates }))
}

/// Docker's name of the processor and the kernel's, then the one that was built together with ship.
fn beside(ship: &Path, platform: &str) -> Vec<PathBuf> {
    let architecture = platform.split('/').nth(1).unwrap_or_default();
    let kernel_name = match architecture {
        "amd64" => Some("ship-proxy-x86_64".to_owned()),
        "arm64" => Some("ship-proxy-aarch64".to_owned()),
        _ => None,
    };
    let names = [Some(format!("ship-proxy-{architecture}")), kernel_name, Some("ship-proxy".to_owned())];
    names.into_iter().flatten().map(|name| ship.with_file_name(name)).collect()
}

/// What stands against running it there, by the ELF header (`elf(5)`).
fn problem(binary: &[u8], platform: &str) -> Option<String> {
    let Some(machine) = elf_machine(binary) else { return Some("not a Linux program".to_owned()) };
    if platform.split('/').nth(1) != Some(machine.as_str()) {
        return Some(format!("for {machine}"));
    }
    // The image has nothing in it but this file, so there is no loader.
    is_dynamic(binary).then(|| "not statically linked".to_owned())
}

/// The processor, as Docker calls it; only 64-bit little-endian ELF files count.
fn elf_machine(binary: &[u8]) -> Option<String> {
    let is_elf = binary.starts_with(b"\x7fELF\x02\x01");
    let machine = number::<2>(binary, 18).filter(|_| is_elf)?;
    Some(match machine {
        62 => "amd64".to_owned(),
        183 => "arm64".to_owned(),
        243 => "riscv64".to_owned(),
        258 => "loong64".to_owned(),
        other => format!("machine {other}"),
    })
}

/// Whether the program headers ask for a loader (`PT_INTERP`).
fn is_dynamic(binary: &[u8]) -> bool {
    const PT_INTERP: u64 = 3;
    let headers = || {
        let (start, size, count) = (number::<8>(binary, 32)?, number::<2>(binary, 54)?, number::<2>(binary, 56)?);
        Some((0..count).map(move |index| start.saturating_add(index * size)))
    };
    let kind = |offset: u64| number::<4>(binary, usize::try_from(offset).ok()?);
    headers().is_some_and(|mut headers| headers.any(|offset| kind(offset) == Some(PT_INTERP)))
}

/// A little-endian number of `N` bytes.
fn number<const N: usize>(bytes: &[u8], offset: usize) -> Option<u64> {
    let bytes = bytes.get(offset..offset.checked_add(N)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
