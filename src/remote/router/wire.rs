//! ship's words and the control API's, both ways. Pure.

use std::time::Duration;

use crate::control::{
    Certificate, CheckFailure, HealthCheck, Refusal, Routes, ServiceName, Status, Switch as WireSwitch, TargetReport,
    TargetSpec, TargetState,
};
use crate::inventory::{Proxy, Route};
use crate::plan::action::Switch;
use crate::ports::{NotHealthy, Target};
use crate::release::{Health, Secrets, TLS_KEY, Tls};

/// A switch that cannot be put into words that ship-proxy understands.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    /// Traffic moves only on an HTTP check.
    #[error("a role that answers requests needs a health check with a path")]
    NoPath,
    /// There is a certificate and nobody gave its key.
    #[error("the private key of the certificate is missing")]
    NoKey,
}

/// What ship-proxy says, as far as one app is concerned.
pub(super) fn proxy(status: Status, service: &ServiceName) -> Proxy {
    let found = status.services.into_iter().find(|found| found.service == *service);
    let route = found.map(|found| {
        let targets = &found.active.targets;
        let healthy = targets.iter().filter(|target| target.state == TargetState::Healthy).count();
        Route {
            generation: found.generation,
            release: found.active.release,
            on_probation_from: found.probation.and_then(|probation| probation.previous).map(|there| there.release),
            healthy: (healthy, targets.len()),
            last_event: found.last_event.map(|event| event.text),
        }
    });
    Proxy { version: status.version, route }
}

/// A switch as ship-proxy takes it.
pub(super) fn switch(switch: &Switch, targets: &[Target], secrets: &Secrets) -> Result<WireSwitch, WireError> {
    let Health::Http { path, interval, timeout, deadline } = &switch.health else { return Err(WireError::NoPath) };
    let routes = &switch.routes;
    let tls = match &routes.tls {
        Tls::Off => None,
        Tls::Given { certificate } => Some(Certificate {
            certificate_pem: certificate.clone(),
            key_pem: secrets.get(TLS_KEY).ok_or(WireError::NoKey)?.to_owned(),
        }),
    };
    Ok(WireSwitch {
        release: switch.release,
        role: Some(routes.role.clone()),
        targets: targets
            .iter()
            .map(|target| TargetSpec { address: target.address.to_string(), name: target.name.clone() })
            .collect(),
        health: HealthCheck {
            path: path.clone(),
            host: None,
            interval_ms: millis(*interval),
            timeout_ms: millis(*timeout),
            deadline_ms: millis(*deadline),
        },
        routes: Routes {
            domains: routes.domains.clone(),
            path_prefix: routes.path_prefix.clone(),
            strip_prefix: routes.strip_prefix,
            tls,
        },
        expected_generation: switch.generation,
        probation_ms: millis(switch.probation),
        drain_ms: millis(routes.drain),
        response_timeout_ms: millis(routes.response_timeout),
    })
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The targets that did not pass, with why in words.
pub(super) fn not_healthy(refusal: Refusal) -> Vec<NotHealthy> {
    let failed = refusal.targets.into_iter().filter_map(|target| {
        let failure = target.failure.clone()?;
        Some(NotHealthy {
            words: words(&target, &failure),
            target: target.target,
            body: match &failure {
                CheckFailure::Status { body, .. } if !body.is_empty() => Some(body.clone()),
                _ => None,
            },
            refused: failure == CheckFailure::Refused,
        })
    });
    failed.collect()
}

fn words(target: &TargetReport, failure: &CheckFailure) -> String {
    let (address, path) = (&target.address, &target.path);
    let span = span(target.over_ms);
    let tries = match target.tries {
        1 => "1 try".to_owned(),
        tries => format!("{tries} tries"),
    };
    let what = match failure {
        CheckFailure::Refused => {
            return format!("nothing listens on {address} (connection refused for {span}, {tries})");
        }
        CheckFailure::NoRoute => return format!("nothing has the address {address} any more ({span}, {tries})"),
        CheckFailure::ConnectTimedOut => {
            return format!("{address} accepted no connection in time for {span} ({tries})");
        }
        CheckFailure::Status { status, .. } => format!("answered {status}"),
        CheckFailure::Redirect { status, location } => format!("answered {status} and redirects to {location}"),
        other => other.to_string(),
    };
    format!("GET http://{address}{path} {what} for {span} ({tries})")
}

/// `30 s`, `1.2 s`, `0.1 s`.
fn span(millis: u64) -> String {
    let tenths = millis.saturating_add(50) / 100;
    match (tenths / 10, tenths % 10) {
        (seconds, tenth) if seconds < 10 && tenth != 0 => format!("{seconds}.{tenth} s"),
        (seconds, _) => format!("{seconds} s"),
    }
}
