//! `[proxy]`: how requests reach the app.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::roles;
use crate::config::elements::{domain, duration, number, path};
use crate::config::reader::{Complaint, Table, Value, did_you_mean};
use crate::name::RoleName;
use crate::release::{Routes, Tls};

/// What the slowest ordinary request takes.
const DRAIN: Duration = Duration::from_secs(30);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// The routes, and the files that a given certificate is read from.
#[derive(Debug, Default)]
pub(crate) struct Proxy {
    pub(crate) routes: Option<Routes>,
    pub(crate) certificate: Option<GivenCertificate>,
}

/// A certificate that the user has.
#[derive(Debug)]
pub(crate) struct GivenCertificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// The role that takes the requests: the one that is named, else `web`, else the only one there is. An app without
/// `[proxy]` and without `web` has only workers.
pub(crate) fn role(root: &Table<'_>, roles: &BTreeSet<RoleName>) -> Option<RoleName> {
    let web = roles.iter().find(|role| role.as_str() == roles::WEB).cloned();
    let Some(table) = root.get("proxy").and_then(|proxy| proxy.table()) else { return web };
    if table.get("role").is_some() {
        return table.read("role", |value| known_role(value, roles));
    }
    let only = roles.first().filter(|_| roles.len() == 1).cloned();
    let role = web.or(only);
    if role.is_none() && !roles.is_empty() {
        let names = roles.iter().map(RoleName::as_str).collect::<Vec<_>>().join(", ");
        let complaint = Complaint::new("which role takes the requests? there is no `web`");
        table.missing("role", complaint.hint(format!("write role = \"…\" with one of {names}")));
    }
    role
}

fn known_role(value: &Value<'_>, roles: &BTreeSet<RoleName>) -> Result<RoleName, Complaint> {
    let text = value.text().ok_or_else(|| Complaint::expected("the name of a role", value))?;
    roles.iter().find(|role| role.as_str() == text).cloned().ok_or_else(|| {
        let hint = did_you_mean(text, roles.iter().map(RoleName::as_str));
        Complaint::new(format!("there is no role `{text}` under [roles]")).maybe_hint(hint)
    })
}

/// Routes to `role`; nothing if no role takes requests.
pub(crate) fn read(root: &Table<'_>, role: Option<RoleName>) -> Proxy {
    let table = root.table("proxy");
    let table = table.as_ref();
    let (tls, certificate) = table.and_then(|table| table.get("tls")).map_or((Tls::Off, None), |value| tls(&value));
    let domains = table.and_then(|table| table.get("domains")).map(|value| domains(&value)).unwrap_or_default();
    let path_prefix = table.and_then(|table| table.read("path_prefix", path::prefix));
    let strip_prefix = table.and_then(|table| table.read("strip_prefix", number::flag)).unwrap_or(false);
    let drain = table.and_then(|table| table.read("drain", duration::any)).unwrap_or(DRAIN);
    let response_timeout = table.and_then(|table| table.read("response_timeout", duration::positive));
    let routes = role.map(|role| Routes {
        role,
        domains,
        path_prefix: path_prefix.unwrap_or_else(|| "/".to_owned()),
        strip_prefix,
        tls,
        drain,
        response_timeout: response_timeout.unwrap_or(RESPONSE_TIMEOUT),
    });
    Proxy { routes, certificate }
}

fn domains(value: &Value<'_>) -> Vec<String> {
    let Some(items) = value.items() else {
        let hint = value.text().map(|name| format!("write domains = [\"{name}\"]"));
        value.complain(Complaint::expected("an array of host names", value).maybe_hint(hint));
        return Vec::new();
    };
    let mut domains: Vec<String> = Vec::new();
    for item in &items {
        let Some(name) = item.read(domain::domain) else { continue };
        if domains.contains(&name) {
            item.complain(Complaint::new(format!("`{name}` is named twice")));
        } else {
            domains.push(name);
        }
    }
    domains
}

/// `"off"`, or the two files. The chain itself is filled in by whoever reads files.
fn tls(value: &Value<'_>) -> (Tls, Option<GivenCertificate>) {
    let given = "{ certificate = \"…\", key = \"…\" }";
    match (value.text(), value.table()) {
        (Some("off"), _) => (Tls::Off, None),
        (Some("auto"), _) => {
            let complaint = Complaint::new("certificates cannot be got automatically yet");
            value.complain(complaint.hint(format!("write tls = \"off\", or tls = {given} with files that you have")));
            (Tls::Off, None)
        }
        (_, Some(table)) => {
            let file = |key: &str| {
                if table.get(key).is_none() {
                    table.missing(key, Complaint::new("it is missing").hint(format!("write tls = {given}")));
                }
                table.read(key, path::local)
            };
            let (certificate, key) = (file("certificate"), file("key"));
            let files = certificate.zip(key).map(|(certificate, key)| GivenCertificate { certificate, key });
            (Tls::Given { certificate: String::new() }, files)
        }
        (text, None) => {
            let found = text.map_or_else(|| value.kind().to_owned(), |text| format!("\"{text}\""));
            let complaint = Complaint::new(format!("expected \"off\" or {given}, found {found}"));
            value.complain(complaint);
            (Tls::Off, None)
        }
    }
}
