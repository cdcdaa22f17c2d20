//! From an address to a connection that is logged in: name, TCP, handshake, host key, login, each with its deadline and
//! its own words when it fails, and through jump hosts where the configuration says so.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, DisconnectReason, Handle};
use russh::keys::PublicKey;
use russh::keys::PublicKeyOrCertificate;
use russh::{ChannelOpenFailure, Preferred, cipher, compression};
use tokio::time::timeout;

use super::access::Access;
use super::auth::{self, AuthError};
use super::host_key::{HostKeyError, Judgement, Rule};
use super::patience::Patience;
use super::session::{OpenError, Session};
use super::ssh_config::{SshConfigError, Target};
use super::tcp;
use super::wire::{Loss, Traffic, Wire};
use crate::config;
use crate::diagnostic::Hint;
use crate::name::HostName;

pub use super::auth::AuthError as LoginError;
pub use super::host_key::HostKeyError as KeyError;

/// From the TCP connection to keys that both sides have.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For one key at login; a person who is asked meanwhile does not count.
const LOGIN: Duration = Duration::from_secs(15);
/// A host that is silent this long is asked for a sign of life; [`UNANSWERED`] more without one, and it is gone: 12 s.
const KEEPALIVE: Duration = Duration::from_secs(4);
const UNANSWERED: usize = 2;
/// Sent data waits for the reader in here. At the 2 MiB that SSH libraries start with, a download over 100 ms does 10
/// MB/s at best.
const WINDOW: u32 = 32 * 1024 * 1024;
/// Messages that wait for a channel's reader before the whole connection waits for it: as much as the window holds.
const WAITING_MESSAGES: usize = 1024;

/// A host that could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect to {host} at {at}")]
pub struct ConnectError {
    /// As `ship.toml` calls it.
    pub host: HostName,
    /// Which server it was, of the jump hosts and the host itself.
    pub at: String,
    /// Why.
    #[source]
    pub reason: Reason,
}

/// Why a host could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The SSH configuration.
    #[error("the SSH configuration cannot be used")]
    Config(#[source] SshConfigError),
    /// DNS.
    #[error("the name `{name}` does not resolve")]
    Name {
        /// What was looked up.
        name: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// Nothing listens.
    #[error("nothing listens on port {port} there (connection refused)")]
    Refused {
        /// The port.
        port: u16,
    },
    /// No answer to the first packet.
    #[error("no answer within {seconds} s")]
    NoAnswer {
        /// The deadline.
        seconds: u64,
    },
    /// The network said no.
    #[error("the network does not reach it")]
    Network(#[source] io::Error),
    /// A jump host could not connect to it.
    #[error("the jump host {via} cannot connect to it: {why}")]
    Jump {
        /// The jump host.
        via: String,
        /// What it said.
        why: String,
    },
    /// Someone answered, and said nothing.
    #[error("port {port} took the connection, but no SSH server spoke within {seconds} s")]
    NoBanner {
        /// The port.
        port: u16,
        /// The deadline.
        seconds: u64,
    },
    /// Someone answered, and hung up.
    #[error("port {port} closed the connection before an SSH server spoke")]
    ClosedAtOnce {
        /// The port.
        port: u16,
    },
    /// Someone answered in another language.
    #[error("port {port} is not an SSH server: it says `{said}`")]
    NotSsh {
        /// The port.
        port: u16,
        /// The start of it.
        said: String,
    },
    /// The two sides did not agree on keys.
    #[error("the key exchange failed")]
    KeyExchange(#[source] russh::Error),
    /// The server stopped during the key exchange.
    #[error("the key exchange did not end within {seconds} s")]
    KeyExchangeTime {
        /// The deadline.
        seconds: u64,
    },
    /// The host's key.
    #[error(transparent)]
    HostKey(HostKeyError),
    /// The login.
    #[error("login failed")]
    Login(#[source] AuthError),
}

impl Hint for ConnectError {
    fn hints(&self) -> Vec<String> {
        match &self.reason {
            Reason::Config(error) => error.hints(),
            Reason::HostKey(error) => error.hints(),
            Reason::Login(error) => error.hints(),
            Reason::Name { .. } => vec!["check `address` of this host in ship.toml".to_owned()],
            Reason::Refused { .. } => vec!["is sshd running there, and is `port` of this host right?".to_owned()],
            Reason::NoAnswer { .. } | Reason::Network(_) => {
                vec!["is the host up, and does a firewall on the way let this port through?".to_owned()]
            }
            Reason::ClosedAtOnce { .. } => {
                vec!["the host may have banned this address for a while (fail2ban, MaxStartups)".to_owned()]
            }
            Reason::NoBanner { .. } | Reason::NotSsh { .. } => {
                vec!["check `address` and `port` of this host in ship.toml".to_owned()]
            }
            Reason::Jump { .. } | Reason::KeyExchange(_) | Reason::KeyExchangeTime { .. } => Vec::new(),
        }
    }
}

impl Session {
    /// Connects and logs in. What a person must be asked is asked through `access`.
    pub async fn connect(access: &Access, name: &HostName, host: &config::Host) -> Result<Self, ConnectError> {
        let failed = |at: String, reason| ConnectError { host: name.clone(), at, reason };
        let route = access.route(host).map_err(|error| failed(host.address.clone(), Reason::Config(error)))?;
        let mut via: Option<Self> = None;
        let hops = route.len();
        for (index, target) in route.into_iter().enumerate() {
            let at = if index + 1 == hops { target.to_string() } else { format!("its jump host {target}") };
            let session = reach(access, name, target, via).await.map_err(|reason| failed(at, reason))?;
            via = Some(session);
        }
        via.ok_or_else(|| failed(host.address.clone(), Reason::NoAnswer { seconds: 0 }))
    }
}

/// One server, through the one before it. The handshake is done again after a question, and once more if the login
/// took a person so long that the server hung up.
async fn reach(access: &Access, name: &HostName, target: Target, via: Option<Session>) -> Result<Session, Reason> {
    let mut rule = Rule::load(&target);
    let mut asked_before = false;
    loop {
        let line = match handshake(&target, &rule, via.as_ref()).await {
            Ok(Shaken::Hands(line)) => line,
            Ok(Shaken::Key(unsettled)) => {
                let (key, judgement) = *unsettled;
                rule.settle(access, &target, key, judgement).await.map_err(Reason::HostKey)?;
                continue;
            }
            // Every kind of key that the server has was seen, and none was the pinned one.
            Err(Reason::KeyExchange(russh::Error::NoCommonAlgo { .. })) if rule.not_pinned().is_some() => {
                return Err(rule.not_pinned().map_or(Reason::NoAnswer { seconds: 0 }, Reason::HostKey));
            }
            Err(reason) => return Err(reason),
        };
        let Line { mut handle, traffic, loss } = line;
        let patience = Patience::new(LOGIN, loss.clone());
        match auth::log_in(&mut handle, access, &target, &patience).await {
            Ok(()) => {
                traffic.watch();
                return Ok(Session::new(name.clone(), target, Line { handle, traffic, loss }, via));
            }
            Err(AuthError::HungUp { .. }) if patience.asked() && !asked_before => asked_before = true,
            Err(error) => return Err(Reason::Login(error)),
        }
    }
}

/// A connection with keys.
pub(super) struct Line {
    pub(super) handle: Handle<Handler>,
    pub(super) traffic: Arc<Traffic>,
    pub(super) loss: Loss,
}

enum Shaken {
    Hands(Line),
    /// The host's key must be settled first.
    Key(Box<(PublicKey, Judgement)>),
}

async fn handshake(target: &Target, rule: &Rule, via: Option<&Session>) -> Result<Shaken, Reason> {
    let (traffic, loss) = (Arc::new(Traffic::default()), Loss::default());
    let seen = Arc::new(Mutex::new(None));
    let handler = Handler { rule: rule.clone(), seen: seen.clone(), loss: loss.clone() };
    let config = Arc::new(client_config(rule));
    let port = target.port;
    let limit = target.connect_timeout.unwrap_or(HANDSHAKE);
    let shaking = async {
        match via {
            None => {
                let wire = Wire::new(tcp::connect(target).await?, traffic.clone());
                Ok(timeout(limit, client::connect_stream(config, wire, handler)).await)
            }
            Some(via) => {
                let wire = Wire::new(jump(target, via).await?, traffic.clone());
                Ok(timeout(limit, client::connect_stream(config, wire, handler)).await)
            }
        }
    };
    let result = shaking.await?;
    let settled = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(unsettled) = settled {
        return Ok(Shaken::Key(Box::new(unsettled)));
    }
    let head = traffic.head();
    match result {
        Ok(Ok(handle)) => Ok(Shaken::Hands(Line { handle, traffic, loss })),
        Err(_) if head.is_empty() => Err(Reason::NoBanner { port, seconds: limit.as_secs() }),
        Ok(Err(_)) if head.is_empty() => Err(Reason::ClosedAtOnce { port }),
        _ if !says_ssh(&head) => Err(Reason::NotSsh { port, said: printable(&head) }),
        Err(_) => Err(Reason::KeyExchangeTime { seconds: limit.as_secs() }),
        Ok(Err(error)) => Err(Reason::KeyExchange(error)),
    }
}

/// Whether a line of what came is an SSH identification; other lines may stand before it (RFC 4253, section 4.2).
fn says_ssh(head: &[u8]) -> bool {
    head.split(|&byte| byte == b'\n').any(|line| line.starts_with(b"SSH-"))
}

fn printable(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect()
}

async fn jump(target: &Target, via: &Session) -> Result<super::session::Stream, Reason> {
    let failed = |why| Reason::Jump { via: via.host_words(), why };
    via.open_tcp(&target.address, target.port).await.map_err(|error| match error {
        OpenError::Refused(ChannelOpenFailure::AdministrativelyProhibited) => {
            failed("it forbids forwarding (AllowTcpForwarding)".to_owned())
        }
        OpenError::Refused(ChannelOpenFailure::ConnectFailed) => failed("connection refused or no answer".to_owned()),
        other => failed(other.to_string()),
    })
}

fn client_config(rule: &Rule) -> client::Config {
    client::Config {
        client_id: russh::SshId::Standard(concat!("SSH-2.0-ship_", env!("CARGO_PKG_VERSION")).into()),
        window_size: WINDOW,
        channel_buffer_size: WAITING_MESSAGES,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: UNANSWERED,
        preferred: Preferred {
            key: rule.kinds().into(),
            // AES-GCM moves twice as much as chacha20 wherever the CPU has AES, and that is everywhere by now.
            cipher: (&[
                cipher::AES_128_GCM,
                cipher::AES_256_GCM,
                cipher::CHACHA20_POLY1305,
                cipher::AES_256_CTR,
                cipher::AES_192_CTR,
                cipher::AES_128_CTR,
            ])
                .into(),
            // What is large is compressed already where it is made.
            compression: (&[compression::NONE]).into(),
            ..Preferred::DEFAULT
        },
        ..client::Config::default()
    }
}

/// What russh asks and tells during a connection.
pub(super) struct Handler {
    rule: Rule,
    seen: Arc<Mutex<Option<(PublicKey, Judgement)>>>,
    loss: Loss,
}

impl client::Handler for Handler {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        // Certificates are not offered, so none comes.
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let judgement = self.rule.judge(key);
        let trusted = matches!(judgement, Judgement::Trusted);
        if !trusted {
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((key.clone(), judgement));
        }
        Ok(trusted)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<russh::Error>) -> Result<(), russh::Error> {
        self.loss.tell(match reason {
            DisconnectReason::ReceivedDisconnect(info) => format!("the host closed it: {}", info.message.trim()),
            DisconnectReason::Error(russh::Error::KeepaliveTimeout) => {
                let silence = KEEPALIVE.as_secs() * (UNANSWERED as u64 + 1);
                format!("the host did not answer for {silence} s")
            }
            DisconnectReason::Error(russh::Error::HUP | russh::Error::Disconnect) => {
                "the connection was closed".to_owned()
            }
            DisconnectReason::Error(error) => error.to_string(),
        });
        Ok(())
    }
}

impl Drop for Handler {
    /// The connection's task has ended, in whatever way: nobody may go on waiting for it.
    fn drop(&mut self) {
        self.loss.tell("the connection was closed");
    }
}
