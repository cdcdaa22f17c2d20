//! The routing table: host and path to the release that serves. It is immutable and replaced as a whole, so that each
//! request sees one state of all routes and certificates. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::sign::CertifiedKey;

use super::target::Live;
use crate::control::ServiceName;

/// All routes. A host name is looked up as it stands, then as `*.` one level up, then as the catch-all; within each,
/// the longest path prefix wins. A host that has routes, but none for the path, falls through to the next.
#[derive(Default)]
pub(super) struct Table {
    hosts: HashMap<String, Host>,
    services: HashMap<ServiceName, Arc<Live>>,
}

#[derive(Default)]
struct Host {
    /// Longest prefix first.
    paths: Vec<(String, Arc<Live>)>,
    certificate: Option<Arc<CertifiedKey>>,
}

/// The key of the catch-all; no host name is empty.
const ANY: &str = "";

impl Table {
    /// A table of all releases that serve. Their routes do not overlap.
    pub(super) fn new(lives: impl Iterator<Item = Arc<Live>>) -> Self {
        let mut table = Self::default();
        for live in lives {
            table.services.insert(live.service.clone(), Arc::clone(&live));
            let any = [ANY.to_owned()];
            let domains = if live.deployment.domains.is_empty() { &any[..] } else { &live.deployment.domains[..] };
            for domain in domains {
                let host = table.hosts.entry(domain.clone()).or_default();
                host.paths.push((live.deployment.prefix.clone(), Arc::clone(&live)));
                if let Some(certificate) = &live.deployment.certificate {
                    host.certificate = Some(Arc::clone(certificate));
                }
            }
        }
        for host in table.hosts.values_mut() {
            host.paths.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        }
        table
    }

    /// The release that serves this host (lower case, no port) and path: the claim itself.
    pub(super) fn find(&self, host: &str, path: &str) -> Option<Arc<Live>> {
        self.candidates(host).find_map(|host| host.find(path)).map(Arc::clone)
    }

    /// The release of a service that serves now.
    pub(super) fn current(&self, service: &ServiceName) -> Option<Arc<Live>> {
        self.services.get(service).map(Arc::clone)
    }

    /// The certificate for a server name.
    pub(super) fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.candidates(name).find_map(|host| host.certificate.clone())
    }

    fn candidates<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Host> {
        let wildcard = move || name.split_once('.').and_then(|(_, parent)| self.hosts.get(&format!("*.{parent}")));
        let exact = std::iter::once(self.hosts.get(name));
        exact.chain(std::iter::once_with(wildcard)).chain(std::iter::once_with(|| self.hosts.get(ANY))).flatten()
    }
}

impl Host {
    fn find(&self, path: &str) -> Option<&Arc<Live>> {
        self.paths.iter().find(|(prefix, _)| covers(prefix, path)).map(|(_, live)| live)
    }
}

/// Whether a prefix (without a slash at its end) covers a path, by whole segments: /api covers /api and /api/x, not
/// /apix.
fn covers(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_prefix_covers_whole_segments() {
        for (prefix, path, expected) in [
            ("", "/", true),
            ("", "*", true),
            ("/api", "/api", true),
            ("/api", "/api/", true),
            ("/api", "/api/x", true),
            ("/api", "/apix", false),
            ("/api", "/API/x", false),
            ("/api", "/%61pi/x", false),
            ("/a/b", "/a", false),
        ] {
            assert_eq!(covers(prefix, path), expected, "{prefix} {path}");
        }
    }
}
