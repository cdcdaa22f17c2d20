//! Who deploys, as the ledger records it: `ana@laptop`. A claim and no proof; the proof is the key that sshd logged.

use std::fs;

/// The environment as it was handed in by `main`.
pub type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Send + Sync);

/// `user@machine`: the name that the environment has for the user, else the one of `/etc/passwd`, else the number.
pub fn who(environment: Lookup<'_>) -> String {
    let named = ["USER", "LOGNAME"].into_iter().find_map(|name| environment(name).filter(|user| !user.is_empty()));
    let uid = rustix::process::getuid().as_raw().to_string();
    let user = named.or_else(|| passwd_name(&uid)).unwrap_or(uid);
    format!("{}@{}", one_word(&user), one_word(&machine()))
}

/// The machine's name without its domain.
fn machine() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    name.split('.').next().filter(|name| !name.is_empty()).unwrap_or("localhost").to_owned()
}

/// Static binaries cannot ask the system's name services, so this reads the file that nearly always answers.
fn passwd_name(uid: &str) -> Option<String> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    let mut entries = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    entries.find(|fields| fields.get(2) == Some(&uid)).and_then(|fields| Some((*fields.first()?).to_owned()))
}

/// It becomes one field of a line that people and programs read.
fn one_word(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}
