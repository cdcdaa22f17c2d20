//! The sockets: how they are made, and how connections come out of them. [`super::serve`] is handed sockets that exist,
//! so tests bring their own, and a new version can take over those of the old one.

use std::fs::{self, Permissions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, sockopt};
use tokio::net::{TcpListener, UnixListener};

/// Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn.
const BACKLOG: i32 = 4096;

/// Why a socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Someone else listens there.
    #[error("port {} is taken: another program listens on {address} (see `ss -ltnp`)", address.port())]
    Taken {
        /// Where.
        address: SocketAddr,
    },
    /// A port below 1024, without the right.
    #[error("port {} needs the capability CAP_NET_BIND_SERVICE", address.port())]
    Forbidden {
        /// Where.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("listen on {address}")]
    Other {
        /// Where.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// Another ship-proxy has this state directory.
    #[error("another ship-proxy answers on {}", path.display())]
    Running {
        /// Its control socket.
        path: PathBuf,
    },
    /// The control socket cannot be made.
    #[error("make the control socket {}", path.display())]
    Control {
        /// Where.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Listens on an address. `[::]` takes IPv4 too, and where the machine has no IPv6, `0.0.0.0` stands in for it.
pub fn tcp(address: SocketAddr) -> Result<TcpListener, ListenError> {
    match bind(address) {
        Ok(listener) => Ok(listener),
        Err(error) if address.ip().is_unspecified() && address.is_ipv6() && lacks_ipv6(&error) => {
            let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            bind(address).map_err(|error| describe(address, error))
        }
        Err(error) => Err(describe(address, error)),
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, false)?;
    }
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn lacks_ipv6(error: &io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    errno.is_some_and(|errno| [rustix::io::Errno::AFNOSUPPORT, rustix::io::Errno::ADDRNOTAVAIL].contains(&errno))
}

fn describe(address: SocketAddr, source: io::Error) -> ListenError {
    match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::Taken { address },
        io::ErrorKind::PermissionDenied => ListenError::Forbidden { address },
        _ => ListenError::Other { address, source },
    }
}

/// Makes the control socket, mode 0600. One that a dead ship-proxy has left is replaced.
pub fn control(path: &Path) -> Result<UnixListener, ListenError> {
    if UnixStream::connect(path).is_ok() {
        return Err(ListenError::Running { path: path.to_owned() });
    }
    let failed = |source| ListenError::Control { path: path.to_owned(), source };
    // Made under another name, so that nobody can connect before the mode is set.
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(&new).map_err(failed)?;
    fs::set_permissions(&new, Permissions::from_mode(0o600)).map_err(failed)?;
    fs::rename(&new, path).map_err(failed)?;
    Ok(listener)
}
