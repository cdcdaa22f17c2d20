//! Logging in with a key: the agent's first, then files, and encrypted files last and only if the server would take
//! the key, so that a passphrase is asked for a key that helps. Passwords are not done: a deploy must run unattended.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::MethodSet;
use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{self, Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};
use tokio::net::UnixStream;

use super::access::Access;
use super::connect::Handler;
use super::host_key::kind;
use super::known_hosts::fingerprint;
use super::patience::Patience;
use super::ssh_config::Target;
use crate::config::DEFAULT_USER;
use crate::diagnostic::Hint;

mod passphrase;

use passphrase::FileSigner;

/// Why nobody was let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is no key to offer.
    #[error("there is no key to log in as `{user}` with (looked at: {})", looked_at.join(", "))]
    NoKeys {
        /// The user on the host.
        user: String,
        /// The agent and the files, each with what was found.
        looked_at: Vec<String>,
    },
    /// The server takes none of the keys.
    #[error("it lets `{user}` in with none of these keys: {} (it accepts: {accepts})", offered.join(", "))]
    Rejected {
        /// The user on the host.
        user: String,
        /// The keys that were offered, each with its fingerprint and where it came from.
        offered: Vec<String>,
        /// The ways to log in that the server has, as it calls them.
        accepts: String,
    },
    /// A key was taken, and the server wants more.
    #[error("it took the key {key}, and wants more: {accepts}")]
    MoreWanted {
        /// The key that was taken.
        key: String,
        /// The ways to log in that are left.
        accepts: String,
    },
    /// The server hung up.
    #[error("it hung up after {} keys ({}): {reason}", offered.len(), offered.join(", "))]
    HungUp {
        /// The keys that were offered until then.
        offered: Vec<String>,
        /// What it said, or how the connection ended.
        reason: String,
    },
    /// The server stopped answering.
    #[error("it did not answer to the login within {seconds} s")]
    TimedOut {
        /// The deadline.
        seconds: u64,
    },
}

impl Hint for AuthError {
    fn hints(&self) -> Vec<String> {
        match self {
            // Most likely nobody has made the user yet.
            Self::Rejected { user, .. } if user == DEFAULT_USER => vec![
                format!("ship setup                  # makes the user {user} and lets your key in"),
                "or set `user` of this host in ship.toml".to_owned(),
            ],
            Self::NoKeys { user, .. } | Self::Rejected { user, .. } => vec![
                format!(
                    "put your public key into ~{user}/.ssh/authorized_keys on the host (ship logs in with keys only)"
                ),
                "or set `user` of this host in ship.toml".to_owned(),
            ],
            Self::HungUp { offered, .. } if offered.len() > 1 => {
                vec!["name one key for this host in ~/.ssh/config: IdentityFile and IdentitiesOnly yes".to_owned()]
            }
            Self::MoreWanted { .. } => {
                vec!["ship logs in with a key only: allow that for this user on the host".to_owned()]
            }
            Self::HungUp { .. } | Self::TimedOut { .. } => Vec::new(),
        }
    }
}

/// A key that can be offered.
struct Candidate {
    key: PublicKey,
    /// Where it came from, for messages.
    origin: String,
    way: Way,
}

enum Way {
    Agent(Box<AgentIdentity>),
    Plain(Arc<PrivateKey>),
    /// Its text.
    Encrypted(PathBuf, String),
}

impl Candidate {
    fn words(&self) -> String {
        format!("{} {} ({})", kind(&self.key.algorithm()), fingerprint(&self.key), self.origin)
    }
}

type Agent = AgentClient<UnixStream>;

/// What was found on this machine.
struct Keyring {
    agent: Option<Agent>,
    candidates: Vec<Candidate>,
    looked_at: Vec<String>,
}

/// Logs in, trying one key after another.
pub(super) async fn log_in(
    handle: &mut Handle<Handler>,
    access: &Access,
    target: &Target,
    patience: &Patience,
) -> Result<(), AuthError> {
    let mut keyring = collect(handle, access, target).await;
    let mut offered = Vec::new();
    let mut accepts = MethodSet::empty();
    for candidate in std::mem::take(&mut keyring.candidates) {
        let asking = Asking { access, target, patience };
        let answer = patience.during(offer(handle, &asking, keyring.agent.as_mut(), &candidate)).await;
        let words = candidate.words();
        match answer.ok_or(AuthError::TimedOut { seconds: patience.seconds() })? {
            Answer::Server(AuthResult::Success) => return Ok(()),
            Answer::Server(AuthResult::Failure { remaining_methods, partial_success: true }) => {
                return Err(AuthError::MoreWanted { key: words, accepts: names(&remaining_methods) });
            }
            Answer::Server(AuthResult::Failure { remaining_methods, .. }) => {
                offered.push(words);
                if remaining_methods.is_empty() {
                    return Err(hung_up(handle, patience, offered));
                }
                accepts = remaining_methods;
            }
            Answer::NotSigned(why) => offered.push(format!("{words}: {why}")),
        }
        if handle.is_closed() {
            return Err(hung_up(handle, patience, offered));
        }
    }
    let user = target.user.clone();
    if offered.is_empty() {
        return Err(AuthError::NoKeys { user, looked_at: keyring.looked_at });
    }
    Err(AuthError::Rejected { user, offered, accepts: names(&accepts) })
}

fn hung_up(_: &Handle<Handler>, patience: &Patience, offered: Vec<String>) -> AuthError {
    AuthError::HungUp { offered, reason: patience.loss().reason().unwrap_or("the connection was closed").to_owned() }
}

fn names(methods: &MethodSet) -> String {
    let names: Vec<&str> = methods.iter().map(<&str>::from).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// What a signer needs to ask for a passphrase.
struct Asking<'a> {
    access: &'a Access,
    target: &'a Target,
    patience: &'a Patience,
}

enum Answer {
    Server(AuthResult),
    /// The key would do, but nothing could sign with it.
    NotSigned(String),
}

async fn offer(
    handle: &mut Handle<Handler>,
    asking: &Asking<'_>,
    agent: Option<&mut Agent>,
    candidate: &Candidate,
) -> Answer {
    let user = asking.target.user.clone();
    let hash = rsa_hash(handle, &candidate.key).await;
    let gone = || Answer::Server(AuthResult::Failure { remaining_methods: MethodSet::empty(), partial_success: false });
    match &candidate.way {
        Way::Plain(key) => {
            let key = PrivateKeyWithHashAlg::new(key.clone(), hash);
            handle.authenticate_publickey(user, key).await.map_or_else(|_| gone(), Answer::Server)
        }
        Way::Agent(identity) => {
            let Some(agent) = agent else { return gone() };
            // A key on a token waits for a finger, and some agents ask before they sign.
            let _person = asking.patience.person();
            let result = match identity.as_ref() {
                AgentIdentity::PublicKey { key, .. } => {
                    handle.authenticate_publickey_with(user, key.clone(), hash, agent).await
                }
                AgentIdentity::Certificate { certificate, .. } => {
                    handle.authenticate_certificate_with(user, certificate.clone(), hash, agent).await
                }
            };
            result.map_or_else(|error| Answer::NotSigned(format!("the agent did not sign: {error}")), Answer::Server)
        }
        Way::Encrypted(path, text) => {
            let mut signer = FileSigner { access: asking.access, patience: asking.patience, path, text };
            let result = handle.authenticate_publickey_with(user, candidate.key.clone(), hash, &mut signer).await;
            result.map_or_else(|error| Answer::NotSigned(error.to_string()), Answer::Server)
        }
    }
}

/// RSA keys sign with SHA-2 unless the server says that it knows only SHA-1.
async fn rsa_hash(handle: &Handle<Handler>, key: &PublicKey) -> Option<HashAlg> {
    if !matches!(key.algorithm(), Algorithm::Rsa { .. }) {
        return None;
    }
    match handle.best_supported_rsa_hash().await {
        Ok(Some(best)) => best,
        Ok(None) | Err(_) => Some(HashAlg::Sha512),
    }
}

async fn collect(handle: &Handle<Handler>, access: &Access, target: &Target) -> Keyring {
    let mut looked_at = Vec::new();
    let files = identity_files(access, target, &mut looked_at);
    let (agent, identities) = if let Some(socket) = &target.agent {
        agent_and_identities(handle, socket, &mut looked_at).await
    } else {
        looked_at.push("no agent (SSH_AUTH_SOCK is not set)".to_owned());
        (None, Vec::new())
    };
    let is_named =
        |identity: &AgentIdentity| files.iter().any(|(key, _, _)| key.key_data() == identity.public_key().key_data());
    let (named, others): (Vec<_>, Vec<_>) = identities.into_iter().partition(is_named);
    let mut candidates: Vec<Candidate> = Vec::new();
    let others = others.into_iter().filter(|_| !target.identities_only);
    candidates.extend(named.into_iter().chain(others).map(|identity| Candidate {
        key: identity.public_key().into_owned(),
        origin: format!("agent: {}", identity.comment()),
        way: Way::Agent(Box::new(identity)),
    }));
    let (plain, encrypted): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(_, _, way)| matches!(way, Some(Way::Plain(_))));
    for (key, path, way) in plain.into_iter().chain(encrypted) {
        let in_agent = candidates.iter().any(|candidate| candidate.key.key_data() == key.key_data());
        if let (Some(way), false) = (way, in_agent) {
            candidates.push(Candidate { key, origin: path.display().to_string(), way });
        }
    }
    Keyring { agent, candidates, looked_at }
}

async fn agent_and_identities(
    handle: &Handle<Handler>,
    socket: &Path,
    looked_at: &mut Vec<String>,
) -> (Option<Agent>, Vec<AgentIdentity>) {
    match ask_agent(handle, socket).await {
        Ok((agent, identities)) => {
            looked_at.push(format!("the agent ({} keys)", identities.len()));
            (Some(agent), identities)
        }
        Err(error) => {
            looked_at.push(format!("the agent at {} ({error})", socket.display()));
            (None, Vec::new())
        }
    }
}

async fn ask_agent(handle: &Handle<Handler>, socket: &Path) -> Result<(Agent, Vec<AgentIdentity>), keys::Error> {
    let mut agent = AgentClient::connect_uds(socket).await?;
    if let Some(binding) = handle.agent_session_binding() {
        // Only OpenSSH's agent knows this, and only keys that are limited to some hosts need it.
        let _ = agent.bind_session(binding, false).await;
    }
    let identities = agent.request_identities().await?;
    Ok((agent, identities))
}

/// The identity files' public keys, each with a way to sign if its private half is there.
fn identity_files(
    access: &Access,
    target: &Target,
    looked_at: &mut Vec<String>,
) -> Vec<(PublicKey, PathBuf, Option<Way>)> {
    let mut found = Vec::new();
    for path in &target.identity_files {
        match identity_file(access, path) {
            Ok((key, way)) => {
                looked_at.push(path.display().to_string());
                found.push((key, path.clone(), way));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !target.identities_named => {}
            Err(error) => looked_at.push(format!("{} ({error})", path.display())),
        }
    }
    found
}

fn identity_file(access: &Access, path: &Path) -> io::Result<(PublicKey, Option<Way>)> {
    if let Some(key) = access.unlocked(path) {
        return Ok((key.public_key().clone(), Some(Way::Plain(key))));
    }
    let public = public_half(path);
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        // The private half may live in the agent alone.
        Err(error) => return public.map(|key| (key, None)).ok_or(error),
    };
    match keys::decode_secret_key(&text, None) {
        Ok(key) => Ok((key.public_key().clone(), Some(Way::Plain(Arc::new(key))))),
        Err(error) => {
            let encrypted = matches!(error, keys::Error::KeyIsEncrypted) || text.contains("ENCRYPTED");
            let inside = PrivateKey::from_openssh(&text).ok().map(|key| key.public_key().clone());
            match inside.or(public) {
                Some(key) if encrypted => Ok((key, Some(Way::Encrypted(path.to_owned(), text)))),
                None if encrypted => Err(io::Error::other("encrypted, and without its .pub file beside it")),
                _ => Err(io::Error::other(error.to_string())),
            }
        }
    }
}

/// `id_ed25519.pub`, or the file itself if it is a public key: `IdentityFile` may name one whose other half is in the
/// agent.
fn public_half(path: &Path) -> Option<PublicKey> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".pub");
    let load = |path: &Path| keys::load_public_key(path).ok();
    load(Path::new(&beside)).or_else(|| load(path))
}
