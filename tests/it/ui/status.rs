//! Each way in which what is can differ from what was meant, one by one.

use std::collections::BTreeMap;

use ship::inventory::{HostInventory, Status as Doing};
use ship::release::history::History;
use ship::release::ledger::Damage;
use ship::release::state::State;
use ship::ui::json;
use ship::ui::status_model::{Seen, Status, status};
use ship::ui::status_view::text;
use ship::ui::style::Style;

use super::fleet::{container, healthy_host, history, host, past, r, scope, with};

fn look(hosts: &[(&str, Seen<'_>)]) -> Status {
    status(&scope(), &hosts.iter().map(|(name, seen)| (host(name), seen.clone())).collect::<BTreeMap<_, _>>())
}

/// The text for web-1 alone, after a change to a healthy host.
fn after(change: impl FnOnce(&mut HostInventory)) -> String {
    let inventory = with(change);
    let status = look(&[("web-1", Seen::Host(&inventory))]);
    assert!(!status.agrees());
    text(&status, Style::PLAIN, None)
}

fn route(inventory: &mut HostInventory) -> &mut ship::inventory::Route {
    inventory.proxy.as_mut().unwrap().route.as_mut().unwrap()
}

#[test]
fn all_is_well() {
    let inventory = healthy_host();
    let status = look(&[("web-1", Seen::Host(&inventory))]);
    assert!(status.agrees());
    insta::assert_snapshot!(text(&status, Style::PLAIN, None), @"
    blog in production: all is as it was meant to be

    host   role     meant     is
    web-1  web      2 of r43  2 of r43 running
    web-1  worker   1 of r43  1 of r43 running
    web-1  (route)  r43       r43, 2 of 2 healthy
    ");
    insta::assert_snapshot!(json::status::text(&status), @r#"
    {
      "v": 1,
      "app": "blog",
      "environment": "production",
      "agrees": true,
      "hosts": {
        "web-1": {
          "meant": "r43",
          "roles": {
            "web": {
              "meant_release": "r43",
              "meant_replicas": 2,
              "containers": {
                "r43": {
                  "running": 2
                }
              }
            },
            "worker": {
              "meant_release": "r43",
              "meant_replicas": 1,
              "containers": {
                "r43": {
                  "running": 1
                }
              }
            }
          },
          "route": {
            "meant": "r43",
            "is": "r43",
            "healthy_targets": 2,
            "targets": 2,
            "on_probation_from": null
          },
          "disagreements": []
        }
      },
      "disagreements": []
    }
    "#);
}

#[test]
fn a_host_that_was_never_set_up_and_one_that_cannot_be_reached() {
    let hosts = [
        ("web-1", Seen::NotSetUp("no Docker Engine answers".to_owned())),
        ("web-2", Seen::Unreachable { why: "connect to 203.0.113.8:22: timed out after 10 s".to_owned(), hint: None }),
    ];
    let status = look(&hosts);
    assert!(!status.agrees());
    insta::assert_snapshot!(text(&status, Style::PLAIN, None), @"
    blog in production: not all is as it was meant to be

    host   role  meant      is
    web-1  -     not known  not known
    web-2  -     not known  not known

    web-1: not set up: no Docker Engine answers
      hint: ship setup --host web-1
    web-2: cannot be reached: connect to 203.0.113.8:22: timed out after 10 s
      hint: check `hosts.web-2.address` in ship.toml
    ");
}

#[test]
fn set_up_but_nothing_deployed() {
    let text = after(|inventory| {
        inventory.containers.clear();
        inventory.records.clear();
        inventory.images.clear();
        inventory.ledger = Ok(History::default());
        inventory.proxy.as_mut().unwrap().route = None;
    });
    insta::assert_snapshot!(text, @"
    blog in production: not all is as it was meant to be

    host   role  meant    is
    web-1  -     nothing  nothing

    web-1: nothing was deployed yet
      hint: ship deploy
    ");
}

#[test]
fn containers_removed_by_hand() {
    let text = after(|inventory| {
        inventory.containers.clear();
        route(inventory).healthy = (0, 2);
    });
    insta::assert_snapshot!(text, @"
    blog in production: not all is as it was meant to be

    host   role     meant     is
    web-1  web      2 of r43  nothing
    web-1  worker   1 of r43  nothing
    web-1  (route)  r43       r43, 0 of 2 healthy

    web-1: none of the 2 containers of web of r43 is there
      hint: ship deploy
    web-1: the container of worker of r43 is not there
      hint: ship deploy
    web-1: no target passes its health check: nobody is served
      hint: ship logs --release r43 --host web-1
    ");
}

#[test]
fn one_of_two_replicas_removed() {
    let text = after(|inventory| drop(inventory.containers.remove(1)));
    insta::assert_snapshot!(text, @"
    blog in production: not all is as it was meant to be

    host   role     meant     is
    web-1  web      2 of r43  1 of r43 running
    web-1  worker   1 of r43  1 of r43 running
    web-1  (route)  r43       r43, 2 of 2 healthy

    web-1: 1 of the 2 containers of web of r43 is not there
      hint: ship deploy
    ");
}

#[test]
fn a_container_that_crashes_again_and_again() {
    let text = after(|inventory| {
        inventory.containers[2] = container(43, "worker", 1, Doing::Restarting, "Restarting (1) 3 seconds ago");
        inventory.containers[1] = container(43, "web", 2, Doing::Exited, "Exited (137) 2 hours ago");
        route(inventory).healthy = (1, 2);
    });
    insta::assert_snapshot!(text, @"
    blog in production: not all is as it was meant to be

    host   role     meant     is
    web-1  web      2 of r43  1 of r43 running, 1 of r43 exited
    web-1  worker   1 of r43  1 of r43 restarting
    web-1  (route)  r43       r43, 1 of 2 healthy

    web-1: blog-production-web-r43-2 does not run (Exited (137) 2 hours ago)
      hint: ship logs --release r43 --role web --host web-1
    web-1: blog-production-worker-r43-1 ends and is started again and again (Restarting (1) 3 seconds ago)
      hint: ship logs --release r43 --role worker --host web-1
    web-1: only 1 of 2 targets pass their health check
      hint: ship logs --release r43 --host web-1
    ");
}

#[test]
fn the_route_leads_to_another_release() {
    let text = after(|inventory| {
        route(inventory).release = r(42);
        route(inventory).last_event = Some("went back to r42: r43 failed its checks on probation".to_owned());
    });
    insta::assert_snapshot!(text, @"
    blog in production: not all is as it was meant to be

    host   role     meant     is
    web-1  web      2 of r43  2 of r43 running
    web-1  worker   1 of r43  1 of r43 running
    web-1  (route)  r43       r42, 2 of 2 healthy

    web-1: requests go to r42, not to r43 (went back to r42: r43 failed its checks on probation)
      hint: ship deploy
    ");
}

#[test]
fn no_route_at_all_and_no_proxy() {
    let text = after(|inventory| inventory.proxy.as_mut().unwrap().route = None);
    insta::assert_snapshot!(text, @"
    blog in production: not all is as it was meant to be

    host   role     meant     is
    web-1  web      2 of r43  2 of r43 running
    web-1  worker   1 of r43  1 of r43 running
    web-1  (route)  r43       nothing

    web-1: ship-proxy has no route for the app
      hint: ship deploy
    ");
    let text = after(|inventory| inventory.proxy = None);
    insta::assert_snapshot!(text, @"
    blog in production: not all is as it was meant to be

    host   role     meant     is
    web-1  web      2 of r43  2 of r43 running
    web-1  worker   1 of r43  1 of r43 running
    web-1  (route)  r43       not known

    web-1: ship-proxy does not answer
      hint: ship setup --host web-1
    ");
}

#[test]
fn a_deploy_under_way_and_one_that_stopped_half_way() {
    let unfinished = |inventory: &mut HostInventory| {
        history(inventory).releases.insert(r(44), past(State::Healthy, "2026-11-21T11:59:00Z"));
        inventory.containers.push(container(44, "web", 1, Doing::Running, "Up 10 seconds"));
        route(inventory).release = r(44);
        route(inventory).on_probation_from = Some(r(43));
    };
    let text = after(|inventory| {
        unfinished(inventory);
        inventory.held_by = Some("ben@tower".to_owned());
    });
    insta::assert_snapshot!(text, @"
    blog in production: not all is as it was meant to be

    host   role     meant     is
    web-1  web      2 of r43  2 of r43 running, 1 of r44 running
    web-1  worker   1 of r43  1 of r43 running
    web-1  (route)  r43       r44, 2 of 2 healthy, on probation from r43

    web-1: r44 is being put there by ben@tower (now healthy)
      hint: wait, then ship status
    web-1: r44 is on probation: r43 comes back unless the deploy confirms it
      hint: wait, then ship status
    ");
    insta::assert_snapshot!(after(unfinished), @"
    blog in production: not all is as it was meant to be

    host   role     meant     is
    web-1  web      2 of r43  2 of r43 running, 1 of r44 running
    web-1  worker   1 of r43  1 of r43 running
    web-1  (route)  r43       r44, 2 of 2 healthy, on probation from r43

    web-1: the deploy of r44 stopped half-way (it is healthy)
      hint: ship deploy
    web-1: r44 is on probation: r43 comes back unless the deploy confirms it
      hint: wait, then ship status
    ");
}

#[test]
fn a_damaged_ledger_is_not_guessed_around() {
    let text = after(|inventory| {
        let problem = "does not follow from the line before it (one of the two was edited)".to_owned();
        inventory.ledger = Err(Damage { line: 7, problem });
    });
    insta::assert_snapshot!(text, @"
    blog in production: not all is as it was meant to be

    host   role     meant      is
    web-1  web      not known  2 of r43 running
    web-1  worker   not known  1 of r43 running
    web-1  (route)  not known  r43, 2 of 2 healthy

    web-1: the ledger cannot be trusted: line 7 of the ledger does not follow from the line before it (one of the two was edited)
      hint: docs/ledger.md says how to repair it
    ");
}

#[test]
fn what_should_not_run_but_does() {
    let text = after(|inventory| {
        inventory.containers[3] = container(42, "web", 1, Doing::Running, "Up 2 days");
        inventory.containers.push(container(43, "web", 3, Doing::Running, "Up 2 days"));
        inventory.containers.push(container(43, "cron", 1, Doing::Running, "Up 2 days"));
        inventory.containers.push(container(50, "web", 1, Doing::Running, "Up 2 days"));
    });
    insta::assert_snapshot!(text, @"
    blog in production: not all is as it was meant to be

    host   role     meant     is
    web-1  cron     nothing   1 of r43 running
    web-1  web      2 of r43  1 of r42 running, 3 of r43 running, 1 of r50 running
    web-1  worker   1 of r43  1 of r43 running
    web-1  (route)  r43       r43, 2 of 2 healthy

    web-1: blog-production-web-r43-3 runs, but is one too many
      hint: ship deploy
    web-1: blog-production-web-r42-1 still runs, but r42 is retired
      hint: ship deploy
    web-1: blog-production-cron-r43-1 runs, but r43 has no role cron here
      hint: ship deploy
    web-1: blog-production-web-r50-1 runs, but the ledger does not know r50
      hint: ship deploy
    ");
}

#[test]
fn record_and_image_are_gone() {
    insta::assert_snapshot!(after(|inventory| inventory.records.clear()), @"
    blog in production: not all is as it was meant to be

    host   role     meant      is
    web-1  web      not known  2 of r43 running
    web-1  worker   not known  1 of r43 running
    web-1  (route)  not known  r43, 2 of 2 healthy

    web-1: r43 is meant to be live, but the record of what it runs is missing
      hint: ship deploy
    ");
    insta::assert_snapshot!(after(|inventory| inventory.images.clear()), @"
    blog in production: not all is as it was meant to be

    host   role     meant     is
    web-1  web      2 of r43  2 of r43 running
    web-1  worker   1 of r43  1 of r43 running
    web-1  (route)  r43       r43, 2 of 2 healthy

    web-1: the image of r43 is gone: its containers cannot be made again
      hint: ship deploy
    ");
}

#[test]
fn a_switch_whose_second_line_is_missing() {
    let text = after(|inventory| history(inventory).releases.get_mut(&r(42)).unwrap().state = State::Live);
    insta::assert_snapshot!(text, @"
    blog in production: not all is as it was meant to be

    host   role     meant     is
    web-1  web      2 of r43  2 of r43 running
    web-1  worker   1 of r43  1 of r43 running
    web-1  (route)  r43       r43, 2 of 2 healthy

    web-1: r42 gave its traffic away, but the ledger does not say that it retired
      hint: ship deploy
    ");
}

#[test]
fn the_last_release_failed_and_none_is_live() {
    let text = after(|inventory| {
        history(inventory).releases.remove(&r(42));
        history(inventory).releases.get_mut(&r(43)).unwrap().state = State::Failed;
        inventory.containers.clear();
        inventory.proxy.as_mut().unwrap().route = None;
    });
    insta::assert_snapshot!(text, @"
    blog in production: not all is as it was meant to be

    host   role  meant    is
    web-1  -     nothing  nothing

    web-1: no release is live (r43 is failed)
      hint: ship deploy
    ");
}

#[test]
fn hosts_that_differ_do_not_agree_even_if_each_is_well() {
    let new = healthy_host();
    let old = with(|inventory| {
        history(inventory).releases.get_mut(&r(43)).unwrap().state = State::Retired;
        history(inventory).releases.get_mut(&r(42)).unwrap().state = State::Live;
        history(inventory).went_live = vec![r(43), r(42)];
        inventory.containers = vec![
            container(42, "web", 1, Doing::Running, "Up 2 days"),
            container(42, "web", 2, Doing::Running, "Up 2 days"),
        ];
        inventory.images.insert("blog-production:r42".to_owned(), "sha256:2".to_owned());
        route(inventory).release = r(42);
    });
    let status = look(&[("web-1", Seen::Host(&new)), ("web-2", Seen::Host(&old))]);
    assert!(!status.agrees());
    insta::assert_snapshot!(text(&status, Style::PLAIN, Some(60)), @"
    blog in production: not all is as it was meant to be

    host   role     meant     is
    web-1  web      2 of r43  2 of r43 running
    web-1  worker   1 of r43  1 of r43 running
    web-1  (route)  r43       r43, 2 of 2 healthy
    web-2  web      2 of r42  2 of r42 running
    web-2  (route)  r42       r42, 2 of 2 healthy

    the hosts differ: r42 on web-2; r43 on web-1
      hint: ship deploy
    ");
}
