//! What a server is to become: who deploys, with which keys, through which ship-proxy.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::STATE;
use crate::name::Digest;

/// What setup brings about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The deploy user.
    pub user: AccountName,
    /// The keys that are to log in as the deploy user.
    pub keys: Vec<PublicKey>,
    /// ship-proxy, for this server's architecture.
    pub proxy: ProxySpec,
}

impl Wanted {
    /// The account that ship-proxy runs as and that owns its state: the deploy user, who has to reach the control
    /// socket. Never root, who reaches every socket anyway.
    pub fn proxy_account(&self) -> &str {
        if self.user.is_root() { super::PROXY_ACCOUNT } else { self.user.as_str() }
    }
}

/// The name of an account, as `useradd` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountName(String);

impl AccountName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is root.
    pub fn is_root(&self) -> bool {
        self.0 == "root"
    }
}

impl Default for AccountName {
    fn default() -> Self {
        Self("ship".to_owned())
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The text is no name of an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("user `{0}` must begin with a-z or _ and may have only a-z, 0-9, _ and - (at most 32)")]
pub struct NotAnAccount(String);

impl FromStr for AccountName {
    type Err = NotAnAccount;
    fn from_str(text: &str) -> Result<Self, NotAnAccount> {
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if starts && text.len() <= 32 && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAnAccount(text.to_owned()))
        }
    }
}

/// A line of `authorized_keys` without options: `ssh-ed25519 AAAA… ana@mac`.
#[derive(Debug, Clone)]
pub struct PublicKey {
    algorithm: String,
    base64: String,
    comment: String,
}

impl PublicKey {
    /// Whether a line of `authorized_keys` lets this key in, whatever its options and comment are.
    pub fn is_in(&self, line: &str) -> bool {
        !line.trim_start().starts_with('#') && line.split_whitespace().any(|word| word == self.base64)
    }

    /// The comment, or the kind of key if there is none: what a person knows it by.
    pub fn label(&self) -> &str {
        if self.comment.is_empty() { &self.algorithm } else { &self.comment }
    }
}

impl PartialEq for PublicKey {
    /// The comment is for people.
    fn eq(&self, other: &Self) -> bool {
        self.base64 == other.base64
    }
}

impl Eq for PublicKey {}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, self.base64)?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

/// The text is not a public key, or has options before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a public key in the form of OpenSSH: `{0}`")]
pub struct NotAKey(String);

impl FromStr for PublicKey {
    type Err = NotAKey;
    fn from_str(line: &str) -> Result<Self, NotAKey> {
        let refused = || NotAKey(line.chars().take(40).collect());
        let mut words = line.split_whitespace();
        let (Some(algorithm), Some(base64)) = (words.next(), words.next()) else { return Err(refused()) };
        let known = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| algorithm.starts_with(start));
        let encoded = base64.len() > 40 && base64.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
        if !known || !encoded || line.trim().chars().any(|c| c.is_control() && c != '\t') {
            return Err(refused());
        }
        let comment = words.collect::<Vec<_>>().join(" ");
        Ok(Self { algorithm: algorithm.to_owned(), base64: base64.to_owned(), comment })
    }
}

/// ship-proxy's image and container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySpec {
    /// The tag that the image has once it is loaded.
    pub reference: String,
    /// The digest of the image's configuration.
    pub digest: Digest,
    /// ship-proxy's version.
    pub version: String,
    /// The image itself.
    pub archive: ImageArchive,
}

/// An image as `docker load` takes it.
#[derive(Clone, PartialEq, Eq)]
pub struct ImageArchive(Arc<[u8]>);

impl ImageArchive {
    /// The bytes of a tar archive.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The same bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ImageArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl ProxySpec {
    /// What follows `docker run --user UID:GID`: the account's numbers are known only on the server.
    pub fn arguments(&self) -> Vec<String> {
        let state = format!("{STATE}/proxy");
        let mut arguments: Vec<String> = [
            "--detach",
            "--name=ship-proxy",
            "--pull=never",
            "--restart=unless-stopped",
            // The host's addresses: real client addresses reach ship-proxy, and the firewall applies to it.
            "--network=host",
            "--read-only",
            "--cap-drop=ALL",
            // The binary carries the file capability; without it here, the kernel would refuse to start it.
            "--cap-add=NET_BIND_SERVICE",
            "--memory=512m",
            // Longer than its drain: requests in flight are finished before it ends.
            "--stop-timeout=40",
            "--log-driver=json-file",
            "--log-opt=max-size=10m",
            "--log-opt=max-file=3",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("--mount=type=bind,source={state},target={state}"));
        arguments.push(format!("--label=ship.proxy={}", self.version));
        arguments.push(format!("--label=ship.proxy.image={}", self.digest));
        arguments.extend([self.reference.clone(), "serve".to_owned(), "--state".to_owned(), state]);
        arguments
    }

    /// Identifies image, arguments and account in the container's label `ship.proxy.made`: a container with another
    /// one is replaced.
    pub fn made(&self, account: &str) -> String {
        let mut hash = Sha256::new();
        for part in self.arguments().iter().map(String::as_str).chain([account]) {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.finalize().iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}
