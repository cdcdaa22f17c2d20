//! What listens inside a container, from the kernel's tables `/proc/<pid>/net/tcp` and `tcp6` (proc(5)). Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ports::Listening;

/// Where the engine answers DNS inside every container; not the app's.
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// The state of a socket that listens (`TCP_LISTEN`).
const LISTEN: &str = "0A";

/// The sockets that listen, in order and each once. A port that listens on several addresses is loopback only if all
/// of them are. Lines that are not sockets (the heading) are passed over.
pub(super) fn parse(tables: &str) -> Vec<Listening> {
    let mut found: Vec<Listening> = tables.lines().filter_map(socket).collect();
    // Sorted, a socket that is reachable stands before one on loopback with the same port.
    found.sort_by_key(|socket| (socket.port, socket.loopback_only));
    found.dedup_by_key(|socket| socket.port);
    found
}

fn socket(line: &str) -> Option<Listening> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, _remote, state) = (words.next()?, words.next()?, words.next()?);
    if state != LISTEN {
        return None;
    }
    let (address, port) = local.split_once(':')?;
    let address = address_of(address)?.to_canonical();
    let port = u16::from_str_radix(port, 16).ok()?;
    (address != RESOLVER).then(|| Listening { loopback_only: address.is_loopback(), port })
}

/// The kernel prints an address as words of 32 bits in the machine's byte order, which is little-endian on all
/// machines that ship knows.
fn address_of(hex: &str) -> Option<IpAddr> {
    let mut bytes = Vec::with_capacity(16);
    for start in (0..hex.len()).step_by(8) {
        let word = u32::from_str_radix(hex.get(start..start + 8)?, 16).ok()?;
        bytes.extend(word.to_le_bytes());
    }
    if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Some(Ipv4Addr::from(four).into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| Ipv6Addr::from(sixteen).into())
}
