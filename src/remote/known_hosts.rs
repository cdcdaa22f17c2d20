//! `known_hosts`: which key a host showed before. Looking up is a pure function of the files' text, so that every form
//! that OpenSSH writes (hashed names, ports, lists, patterns, markers) has a test without a server.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use russh::keys::{Algorithm, HashAlg, PublicKey};

use super::pattern;

/// One file's text and where it came from.
#[derive(Debug, Clone)]
pub struct KnownHostsFile {
    /// For messages.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
}

/// A key that stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The file.
    pub path: PathBuf,
    /// The line's number.
    pub line: usize,
    /// The key.
    pub key: PublicKey,
}

/// What the files say of a key that a host showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is recorded for this host.
    Known,
    /// Nothing is recorded for this host.
    Unknown,
    /// Another key is recorded for this host.
    Changed(Recorded),
    /// Someone marked the key as stolen.
    Revoked(Recorded),
}

/// SHA256 fingerprint as `ssh-keygen -l` shows it.
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// The name under which a host is recorded: `[name]:port` unless the port is 22.
pub fn recorded_name(name: &str, port: u16) -> String {
    if port == 22 { name.to_owned() } else { format!("[{name}]:{port}") }
}

/// What the files say of this key for this host.
pub fn look_up(files: &[KnownHostsFile], name: &str, port: u16, key: &PublicKey) -> Verdict {
    let recorded = recorded_name(name, port);
    match look_up_name(files, &recorded, key) {
        // A key that is recorded without the port counts too, as it does for `ssh`; a different one says nothing.
        Verdict::Unknown if port != 22 && look_up_name(files, name, key) == Verdict::Known => Verdict::Known,
        verdict => verdict,
    }
}

fn look_up_name(files: &[KnownHostsFile], name: &str, key: &PublicKey) -> Verdict {
    let mut verdict = Verdict::Unknown;
    for (marker, recorded) in entries(files, name) {
        let same = recorded.key.key_data() == key.key_data();
        match (marker, same) {
            (Marker::Revoked, true) => return Verdict::Revoked(recorded),
            (Marker::Revoked, false) => {}
            (Marker::None, true) => verdict = Verdict::Known,
            (Marker::None, false) if verdict == Verdict::Known => {}
            // The line with a key of the same kind is the one to look at.
            (Marker::None, false) => {
                let better = recorded.key.algorithm() == key.algorithm();
                if better || verdict == Verdict::Unknown {
                    verdict = Verdict::Changed(recorded);
                }
            }
        }
    }
    verdict
}

/// The kinds of keys that are recorded for a host: to be asked for first, or a server with several keys would show one
/// that looks changed.
pub fn algorithms(files: &[KnownHostsFile], name: &str, port: u16) -> Vec<Algorithm> {
    let recorded = recorded_name(name, port);
    let plain = (port != 22).then_some(name);
    let names = [Some(recorded.as_str()), plain].into_iter().flatten();
    names
        .flat_map(|name| entries(files, name))
        .filter(|(marker, _)| *marker == Marker::None)
        .map(|(_, recorded)| recorded.key.algorithm())
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Marker {
    None,
    Revoked,
}

/// The keys of the lines that fit the name. Lines that cannot be read are left alone, as `ssh` does, and so are
/// `@cert-authority` lines: their keys sign other keys and are no host's own.
fn entries<'a>(files: &'a [KnownHostsFile], name: &'a str) -> impl Iterator<Item = (Marker, Recorded)> + 'a {
    files.iter().flat_map(move |file| {
        file.text.lines().enumerate().filter_map(move |(index, line)| {
            let (marker, hosts, key) = split_line(line)?;
            let path = file.path.clone();
            hosts_match(hosts, name).then_some((marker, Recorded { path, line: index + 1, key }))
        })
    })
}

fn split_line(line: &str) -> Option<(Marker, &str, PublicKey)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let mut words = line.split_whitespace();
    let mut first = words.next()?;
    let mut marker = Marker::None;
    if first.starts_with('@') {
        if first != "@revoked" {
            return None;
        }
        marker = Marker::Revoked;
        first = words.next()?;
    }
    let (kind, base64) = (words.next()?, words.next()?);
    let key = PublicKey::from_openssh(&format!("{kind} {base64}")).ok()?;
    Some((marker, first, key))
}

fn hosts_match(hosts: &str, name: &str) -> bool {
    match hosts.strip_prefix("|1|") {
        Some(hashed) => hashed_matches(hashed, name).unwrap_or(false),
        None => pattern::list_matches(hosts.split(','), name),
    }
}

/// `SALT|HASH`, both in base64: HMAC-SHA1 of the name with the salt as its key.
fn hashed_matches(hashed: &str, name: &str) -> Option<bool> {
    let (salt, hash) = hashed.split_once('|')?;
    let salt = STANDARD.decode(salt).ok()?;
    let hash = STANDARD.decode(hash).ok()?;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
    Some(hmac::verify(&key, name.as_bytes(), &hash).is_ok())
}

/// The line that remembers a key.
pub fn line(name: &str, port: u16, key: &PublicKey, hash_name: bool) -> io::Result<String> {
    let recorded = recorded_name(name, port);
    let host = if hash_name { hash(&recorded)? } else { recorded };
    let mut key = key.clone();
    key.set_comment("");
    let key = key.to_openssh().map_err(io::Error::other)?;
    Ok(format!("{host} {}\n", key.trim_end()))
}

fn hash(name: &str) -> io::Result<String> {
    let mut salt = [0; 20];
    SystemRandom::new().fill(&mut salt).map_err(|_| io::Error::other("no random numbers"))?;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
    let hash = hmac::sign(&key, name.as_bytes());
    Ok(format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hash.as_ref())))
}

/// Reads the files that are there.
pub fn read(paths: &[PathBuf]) -> Vec<KnownHostsFile> {
    let read = |path: &PathBuf| fs::read(path).ok().map(|bytes| (path.clone(), bytes));
    let file =
        |(path, bytes): (PathBuf, Vec<u8>)| KnownHostsFile { path, text: String::from_utf8_lossy(&bytes).into_owned() };
    paths.iter().filter_map(read).map(file).collect()
}

/// Adds a line to a file, which is made (0600, in a directory of 0700) if it is not there.
pub fn append(path: &Path, line: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let torn = fs::read(path).is_ok_and(|bytes| bytes.last().is_some_and(|&last| last != b'\n'));
    let mut file = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let separator = if torn { "\n" } else { "" };
    // One write: two ships that learn two hosts at the same time must not mix their lines.
    file.write_all(format!("{separator}{line}").as_bytes())
}
