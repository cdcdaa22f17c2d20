//! From a name to a TCP connection: all of its addresses, a quarter of a second apart, whichever answers first.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::connect::Reason;
use super::ssh_config::Target;

/// For the name and the TCP connection together.
const REACH: Duration = Duration::from_secs(10);
/// The next address of a name is tried after this pause, as RFC 8305 does it.
const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// How much the kernel may keep that it cannot send yet.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 64 * 1024;

/// Connects, or says why not.
pub(super) async fn connect(target: &Target) -> Result<TcpStream, Reason> {
    let limit = target.connect_timeout.unwrap_or(REACH);
    let no_answer = |_| Reason::NoAnswer { seconds: limit.as_secs() };
    timeout(limit, connect_to_name(&target.address, target.port)).await.map_err(no_answer)?
}

async fn connect_to_name(name: &str, port: u16) -> Result<TcpStream, Reason> {
    let unknown = |source| Reason::Name { name: name.to_owned(), source };
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name, port)).await.map_err(unknown)?.collect();
    let mut tries: FuturesUnordered<_> = (0..).zip(addresses).map(connect_to_address).collect();
    let mut last = None;
    while let Some(result) = tries.next().await {
        match result {
            Ok(stream) => {
                tune(&stream);
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    let error = last.unwrap_or_else(|| io::Error::other("it has no address"));
    Err(if error.kind() == io::ErrorKind::ConnectionRefused {
        Reason::Refused { port }
    } else {
        Reason::Network(error)
    })
}

/// Settings that make it faster; it works without them.
fn tune(stream: &TcpStream) {
    // Half of a local connect's time is Nagle's algorithm waiting for an answer.
    let _ = stream.set_nodelay(true);
    // The kernel would take megabytes that a slow link needs a minute for, and whatever is said after them would wait.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
}

async fn connect_to_address((turn, address): (u32, SocketAddr)) -> io::Result<TcpStream> {
    sleep(NEXT_ADDRESS * turn).await;
    TcpStream::connect(address).await
}
