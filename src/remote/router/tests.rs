//! The words in which a health check that did not pass is explained.

use super::wire::not_healthy;
use crate::control::{CheckFailure, Code, Refusal, TargetReport};

fn explained(failure: CheckFailure, over_ms: u64, tries: u32) -> String {
    let mut refusal = Refusal::new(Code::Unhealthy, "not healthy");
    let report = |failure| TargetReport {
        target: "blog-production-web-r43-1".to_owned(),
        address: "172.18.0.5:3000".to_owned(),
        path: "/up".to_owned(),
        tries,
        over_ms,
        failure,
    };
    refusal.targets = vec![report(None), report(Some(failure))];
    let [failed] = not_healthy(refusal).try_into().unwrap();
    assert_eq!(failed.refused, failed.words.starts_with("nothing listens"));
    failed.words
}

#[test]
fn what_a_target_did_last_is_told_in_words() {
    let status = CheckFailure::Status { status: 503, body: "starting".to_owned() };
    assert_eq!(explained(status, 30_012, 12), "GET http://172.18.0.5:3000/up answered 503 for 30 s (12 tries)");
    assert_eq!(
        explained(CheckFailure::Refused, 30_000, 14),
        "nothing listens on 172.18.0.5:3000 (connection refused for 30 s, 14 tries)"
    );
    let redirect = CheckFailure::Redirect { status: 301, location: "https://example.com/up".to_owned() };
    assert_eq!(
        explained(redirect, 1_240, 1),
        "GET http://172.18.0.5:3000/up answered 301 and redirects to https://example.com/up for 1.2 s (1 try)"
    );
    assert_eq!(
        explained(CheckFailure::TimedOut, 9_990, 2),
        "GET http://172.18.0.5:3000/up was accepted and not answered in time for 10 s (2 tries)"
    );
}
