//! A switch as it was asked for, checked whole: what comes out of [`Deployment::check`] can be served as it stands.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderValue;
use hyper::http::uri::PathAndQuery;
use rustls::sign::CertifiedKey;

use super::host;
use super::tls;
use crate::control::Switch;

/// The most targets that a release may have on one host: [`super::target::Tried`] is one word.
const MOST_TARGETS: usize = 64;

/// A checked switch.
pub(super) struct Deployment {
    /// As it was asked for: what the state file keeps.
    pub(super) asked: Switch,
    /// Names and addresses.
    pub(super) targets: Vec<(String, SocketAddr)>,
    /// Lower case; empty: every host.
    pub(super) domains: Vec<String>,
    /// Without a slash at the end; empty for all paths.
    pub(super) prefix: String,
    pub(super) certificate: Option<Arc<CertifiedKey>>,
    pub(super) health: HealthSpec,
    pub(super) drain: Duration,
    pub(super) response_timeout: Duration,
    /// `r42`, for log lines.
    pub(super) release: String,
}

/// A checked health check.
pub(super) struct HealthSpec {
    pub(super) path: PathAndQuery,
    pub(super) host: Option<HeaderValue>,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) deadline: Duration,
}

impl Deployment {
    /// Checks all of it. The second part of the answer is warnings; an error is every problem that was found.
    pub(super) fn check(asked: Switch) -> Result<(Self, Vec<String>), Vec<String>> {
        let mut problems = Vec::new();
        let targets = targets(&asked, &mut problems);
        let domains = domains(&asked.routes.domains, &mut problems);
        let prefix = prefix(&asked.routes.path_prefix, &mut problems);
        let health = health(&asked, domains.first(), &mut problems);
        let mut warnings = Vec::new();
        let certificate = asked.routes.tls.as_ref().and_then(|pem| match tls::certified_key(pem) {
            Ok(key) => {
                warnings = tls::uncovered(&key, &domains);
                Some(Arc::new(key))
            }
            Err(problem) => {
                problems.push(problem.to_string());
                None
            }
        });
        if asked.response_timeout_ms == 0 {
            problems.push("response_timeout_ms is 0".to_owned());
        }
        match health {
            Some(health) if problems.is_empty() => {
                let drain = Duration::from_millis(asked.drain_ms);
                let response_timeout = Duration::from_millis(asked.response_timeout_ms);
                let release = asked.release.to_string();
                let deployment =
                    Self { asked, targets, domains, prefix, certificate, health, drain, response_timeout, release };
                Ok((deployment, warnings))
            }
            _ => Err(problems),
        }
    }

    /// The scheme under which users reach the app.
    pub(super) fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }

    /// The prefix that is taken off the path, if any.
    pub(super) fn stripped(&self) -> Option<&str> {
        (self.asked.routes.strip_prefix && !self.prefix.is_empty()).then_some(self.prefix.as_str())
    }
}

fn targets(asked: &Switch, problems: &mut Vec<String>) -> Vec<(String, SocketAddr)> {
    if asked.targets.is_empty() {
        problems.push("there are no targets".to_owned());
    }
    if asked.targets.len() > MOST_TARGETS {
        problems.push(format!("there are {} targets: at most {MOST_TARGETS} are possible", asked.targets.len()));
    }
    let mut targets = Vec::new();
    for target in &asked.targets {
        match target.address.parse::<SocketAddr>() {
            Ok(address) if address.port() != 0 => targets.push((target.name.clone(), address)),
            _ => problems.push(format!("`{}` is not an IP address and a port", target.address)),
        }
    }
    targets
}

fn domains(asked: &[String], problems: &mut Vec<String>) -> Vec<String> {
    let mut domains: Vec<String> = Vec::new();
    for domain in asked {
        let lower = domain.trim_end_matches('.').to_ascii_lowercase();
        if !host::is_domain(lower.strip_prefix("*.").unwrap_or(&lower)) {
            problems
                .push(format!("`{domain}` is not a host name: expected one like blog.example.com or *.example.com"));
        } else if domains.contains(&lower) {
            problems.push(format!("`{domain}` is named twice"));
        } else {
            domains.push(lower);
        }
    }
    domains
}

fn prefix(asked: &str, problems: &mut Vec<String>) -> String {
    let plain = asked.starts_with('/') && !asked.contains(['?', '#', ' ', '%']) && !asked.contains("//");
    if !plain || asked.parse::<PathAndQuery>().is_err() {
        problems.push(format!("`{asked}` is not a path prefix: expected one like /api"));
    }
    asked.trim_end_matches('/').to_owned()
}

fn health(asked: &Switch, domain: Option<&String>, problems: &mut Vec<String>) -> Option<HealthSpec> {
    let check = &asked.health;
    let path = check.path.parse::<PathAndQuery>().ok().filter(|_| check.path.starts_with('/'));
    if path.is_none() {
        problems.push(format!("`{}` is not a path to check: expected one like /up", check.path));
    }
    if check.interval_ms == 0 || check.timeout_ms == 0 || check.deadline_ms == 0 {
        problems.push("interval_ms, timeout_ms and deadline_ms of a health check are more than 0".to_owned());
    }
    let host = match check.host.as_deref().or(domain.map(String::as_str)) {
        // No host name is certain for a wildcard.
        Some(name) if !name.starts_with("*.") => {
            let value = HeaderValue::from_str(name).ok();
            if value.is_none() {
                problems.push(format!("`{}` is not a host to check with", name.escape_debug()));
            }
            value
        }
        _ => None,
    };
    Some(HealthSpec {
        path: path?,
        host,
        interval: Duration::from_millis(check.interval_ms),
        timeout: Duration::from_millis(check.timeout_ms),
        deadline: Duration::from_millis(check.deadline_ms),
    })
}
