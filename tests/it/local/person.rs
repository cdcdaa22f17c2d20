//! Who deploys, and when.

use std::time::Duration;

use ship::local::clock::SystemClock;
use ship::local::person::who;
use ship::ports::Clock;

#[test]
fn the_user_is_named_by_the_environment_else_by_the_system() {
    let ana = who(&|name| (name == "USER").then(|| "ana".to_owned()));
    assert!(ana.starts_with("ana@") && ana.len() > 4, "{ana}");
    let logged_in = who(&|name| (name == "LOGNAME").then(|| "two words".to_owned()));
    assert!(logged_in.starts_with("two_words@"), "{logged_in}");
    let nobody_says = who(&|_| None);
    assert!(!nobody_says.starts_with('@') && !nobody_says.contains('.'), "{nobody_says}");
}

#[tokio::test]
async fn time_goes_on() {
    let clock = SystemClock::start();
    let wall = clock.wall();
    assert_eq!(wall.len(), "2026-11-21T03:28:05.110Z".len(), "{wall}");
    assert!(wall.ends_with('Z') && wall.as_bytes()[10] == b'T', "{wall}");
    let before = clock.monotonic();
    clock.sleep(Duration::from_millis(5)).await;
    assert!(clock.monotonic() >= before + Duration::from_millis(5));
}
