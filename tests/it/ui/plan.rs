//! Plans as text.

use std::collections::BTreeMap;
use std::time::Duration;

use ship::name::HostName;
use ship::plan::action::{Action, ContainerSpec, Switch};
use ship::plan::notation::{lost, names, span, text, words};
use ship::plan::{Goal, Plan, Stage, Wave};
use ship::release::ledger::{Event, Position};
use ship::release::{Health, Mount, MountSource};
use ship::ui::style::Style;
use ship::ui::{json, plan_view};

use super::fleet::{host, http, ms, r, release, role, routes, scope};

fn spec(number: u32, of: &str, replica: u16) -> ContainerSpec {
    ContainerSpec {
        name: format!("blog-production-{of}-r{number}-{replica}"),
        scope: scope(),
        role: role(of),
        release: r(number),
        replica,
        image: format!("blog-production:r{number}"),
        command: (of == "worker").then(|| vec!["bin/jobs".to_owned()]),
        env: BTreeMap::from([("RAILS_ENV".to_owned(), "VALUE".to_owned())]),
        secret_names: vec!["RAILS_MASTER_KEY".to_owned()],
        mounts: vec![Mount {
            source: MountSource::Volume("storage".parse().unwrap()),
            target: "/rails/storage".to_owned(),
            read_only: false,
        }],
        network: "blog-production".to_owned(),
        memory: (of == "worker").then_some(512 << 20),
        millicpus: (of == "worker").then_some(1_500),
        stop_signal: None,
        stop_timeout: Duration::from_secs(10),
        user: None,
    }
}

fn list(all: &[&str]) -> Vec<String> {
    all.iter().map(|&name| name.to_owned()).collect()
}

fn switch() -> Action {
    Action::Switch(Switch {
        release: r(43),
        containers: list(&["blog-production-web-r43-1", "blog-production-web-r43-2"]),
        port: 3000,
        health: http(),
        routes: routes(),
        generation: Some(7),
        probation: Duration::from_mins(1),
    })
}

fn web_stages(is_new: bool) -> Vec<Stage> {
    let containers = vec![spec(43, "web", 1), spec(43, "web", 2)];
    let web = list(&["blog-production-web-r43-1", "blog-production-web-r43-2"]);
    let new_volumes = if is_new { list(&["/rails/storage"]) } else { Vec::new() };
    vec![
        Stage(vec![Action::Announce(Box::new(release(43)))]),
        Stage(vec![
            Action::Push { image: release(43).image, have: Vec::new() },
            Action::EnsureNetwork { name: "blog-production".to_owned() },
            Action::EnsureVolume { name: "blog-production-storage".to_owned() },
        ]),
        Stage(vec![Action::Record(vec![(r(43), Event::Staged)])]),
        Stage(vec![Action::Create { containers, new_volumes }]),
        Stage(vec![Action::Start { containers: web }]),
        Stage(vec![switch()]),
        Stage(vec![Action::Record(vec![(r(43), Event::Live)])]),
    ]
}

fn settle_stages() -> Vec<Stage> {
    let old = list(&["blog-production-web-r42-1", "blog-production-web-r42-2"]);
    vec![
        Stage(vec![
            Action::Confirm { drain: Duration::from_secs(30) },
            Action::KeepRunning { containers: list(&["blog-production-web-r43-1", "blog-production-web-r43-2"]) },
        ]),
        Stage(vec![Action::Record(vec![(r(42), Event::Superseded { by: r(43) })])]),
        Stage(vec![Action::Stop { containers: old }]),
        Stage(vec![
            Action::RemoveContainers { containers: list(&["blog-production-web-r37-1", "blog-production-web-r37-2"]) },
            Action::RemoveImage { reference: "blog-production:r37".to_owned() },
            Action::Forget { release: r(37) },
        ]),
        Stage(vec![Action::Record(vec![(r(37), Event::Pruned)])]),
    ]
}

fn on(hosts: &[&str], stages: &[Stage]) -> BTreeMap<HostName, Vec<Stage>> {
    hosts.iter().map(|name| (host(name), stages.to_vec())).collect()
}

fn plan(goal: Goal, before: &[(&str, Option<u32>)], waves: Vec<Wave>, settle: Wave) -> Plan {
    let before: BTreeMap<_, _> = before.iter().map(|(name, number)| (host(name), number.map(r))).collect();
    let base = before.keys().map(|name| (name.clone(), Position::default())).collect();
    Plan { scope: scope(), goal, base, before, waves, settle }
}

fn deploy() -> Plan {
    let wave = Wave { hosts: on(&["web-1", "web-2"], &web_stages(false)) };
    let settle = Wave { hosts: on(&["web-1", "web-2"], &settle_stages()) };
    plan(Goal::Deploy(r(43)), &[("web-1", Some(42)), ("web-2", Some(42))], vec![wave], settle)
}

#[test]
fn equal_hosts_stand_together() {
    insta::assert_snapshot!(text(&deploy()), @"
    deploy r43 of blog to production
      3f2a1bc Fix the cart (main)
      web-1, web-2: r42 → r43

    on web-1, web-2:
      1. write the record of r43
           secrets: DATABASE_URL, RAILS_MASTER_KEY
           env: RAILS_ENV
      2. push image blog-production:r43
         make sure of network blog-production
         make sure of volume blog-production-storage
      3. record r43 as staged
      4. create blog-production-web-r43-{1,2}
           web: volume storage at /rails/storage
      5. start blog-production-web-r43-{1,2}
      6. check 2 containers of web on port 3000 at /up (at most 30 s), then move traffic to r43
      7. record r43 as live

    then, when r43 serves everywhere, on web-1, web-2:
      1. keep the traffic there and drain r42 (at most 30 s)
         let blog-production-web-r43-{1,2} survive a reboot
      2. record r42 as retired, superseded by r43
      3. stop and keep blog-production-web-r42-{1,2}
      4. remove blog-production-web-r37-{1,2}
         remove image blog-production:r37
         remove record and secrets of r37
      5. record r37 as pruned
    ");
}

/// A first deploy to web-1, then to web-2, and to web-3 where a worker runs too.
fn first_deploy() -> Plan {
    let mut first = web_stages(true);
    let command = Some(list(&["bin/rails", "db:migrate"]));
    first.insert(3, Stage(vec![Action::RunOnce(ContainerSpec { command, ..spec(43, "web", 1) })]));
    let both = Action::Create { containers: vec![spec(43, "web", 1), spec(43, "worker", 1)], new_volumes: Vec::new() };
    let containers = list(&["blog-production-worker-r43-1"]);
    let wait = Action::AwaitUp { containers, health: Health::StaysUp { span: Duration::from_secs(5) } };
    let mut second = on(&["web-2"], &web_stages(false));
    second.extend(on(&["web-3"], &[Stage(vec![both]), Stage(vec![wait])]));
    let settle = Wave { hosts: on(&["web-1"], &[Stage(vec![Action::Confirm { drain: Duration::from_secs(30) }])]) };
    let before = [("web-1", None), ("web-2", Some(42)), ("web-3", Some(41))];
    let waves = vec![Wave { hosts: on(&["web-1"], &first) }, Wave { hosts: second }];
    plan(Goal::Deploy(r(43)), &before, waves, settle)
}

#[test]
fn a_first_deploy_in_two_waves_to_unequal_hosts() {
    insta::assert_snapshot!(text(&first_deploy()), @"
    deploy r43 of blog to production
      3f2a1bc Fix the cart (main)
      web-1: nothing → r43
      web-2: r42 → r43
      web-3: r41 → r43

    wave 1 of 2, on web-1:
      1. write the record of r43
           secrets: DATABASE_URL, RAILS_MASTER_KEY
           env: RAILS_ENV
      2. push image blog-production:r43
         make sure of network blog-production
         make sure of volume blog-production-storage
      3. record r43 as staged
      4. run once: bin/rails db:migrate
           what it does cannot be undone
      5. create blog-production-web-r43-{1,2}
           web: volume storage at /rails/storage, new
      6. start blog-production-web-r43-{1,2}
      7. check 2 containers of web on port 3000 at /up (at most 30 s), then move traffic to r43
      8. record r43 as live

    wave 2 of 2, on web-2:
      1. write the record of r43
           secrets: DATABASE_URL, RAILS_MASTER_KEY
           env: RAILS_ENV
      2. push image blog-production:r43
         make sure of network blog-production
         make sure of volume blog-production-storage
      3. record r43 as staged
      4. create blog-production-web-r43-{1,2}
           web: volume storage at /rails/storage
      5. start blog-production-web-r43-{1,2}
      6. check 2 containers of web on port 3000 at /up (at most 30 s), then move traffic to r43
      7. record r43 as live

    wave 2 of 2, on web-3:
      1. create blog-production-web-r43-1, blog-production-worker-r43-1
           web: volume storage at /rails/storage
           worker: bin/jobs; at most 512 MiB of memory; at most 1.5 CPUs; volume storage at /rails/storage
      2. wait until blog-production-worker-r43-1 has stayed up for 5 s

    then, when r43 serves everywhere, on web-1:
      1. keep the traffic there
    ");
}

#[test]
fn a_rollback() {
    let stages = [
        Stage(vec![Action::Record(vec![(r(41), Event::RollingBack { from: Some(r(43)) })])]),
        Stage(vec![Action::Start { containers: list(&["blog-production-web-r41-1"]) }]),
    ];
    let wave = Wave { hosts: on(&["web-1"], &stages) };
    let plan = plan(Goal::Rollback(r(41)), &[("web-1", Some(43))], vec![wave], Wave::default());
    insta::assert_snapshot!(text(&plan), @"
    roll blog in production back to r41
      web-1: r43 → r41

    on web-1:
      1. record that r41 is being put back
      2. start blog-production-web-r41-1
    ");
}

fn removal() -> Plan {
    let stages = [
        Stage(vec![Action::RemoveRoute]),
        Stage(vec![Action::RemoveContainers { containers: list(&["blog-production-web-r43-1"]) }]),
        Stage(vec![
            Action::RemoveNetwork { name: "blog-production".to_owned() },
            Action::RemoveVolume { name: "blog-production-storage".to_owned() },
        ]),
    ];
    plan(Goal::Remove, &[("web-1", Some(43))], vec![Wave { hosts: on(&["web-1"], &stages) }], Wave::default())
}

#[test]
fn a_removal_says_what_is_lost() {
    insta::assert_snapshot!(text(&removal()), @"
    remove blog from production
      web-1: r43 → nothing

    on web-1:
      1. remove the route
      2. remove blog-production-web-r43-1
      3. remove network blog-production
         remove volume blog-production-storage with all its data
    ");
    insta::assert_snapshot!(lost(&removal()).join("\n"), @"volume blog-production-storage on web-1, with all its data");
    assert_eq!(lost(&deploy()), Vec::<String>::new());
}

#[test]
fn nothing_to_do() {
    let empty = plan(Goal::Rollback(r(43)), &[("web-1", Some(43))], vec![Wave::default()], Wave::default());
    insta::assert_snapshot!(text(&empty), @"
    roll blog in production back to r43
      web-1: r43 stays
    nothing to do
    ");
}

#[test]
fn the_same_plan_gives_the_same_text_and_colour_changes_no_word() {
    assert_eq!(text(&deploy()), text(&deploy()));
    let colored = plan_view::text(&deploy(), Style::COLORED);
    assert!(colored.contains('\u{1b}'));
    assert_eq!(console::strip_ansi_codes(&colored), text(&deploy()));
    assert_eq!(plan_view::text(&deploy(), Style::PLAIN), text(&deploy()));
}

#[test]
fn values_of_the_environment_are_not_shown() {
    assert!(!text(&deploy()).contains("VALUE"));
    assert!(!json::plan::text(&deploy()).contains("VALUE"));
}

#[test]
fn the_words_of_every_action() {
    let one = || list(&["blog-production-web-r43-1"]);
    let command = Health::Command { command: list(&["bin/check", "it's up"]), interval: ms(500), deadline: ms(90_000) };
    let all = [
        Action::RunOnce(ContainerSpec { command: None, ..spec(43, "web", 1) }),
        Action::AwaitUp { containers: one(), health: command.clone() },
        Action::AwaitUp { containers: one(), health: http() },
        Action::Switch(Switch { health: command, containers: one(), ..switch_data() }),
        Action::Switch(Switch { health: Health::StaysUp { span: ms(1_500) }, containers: one(), ..switch_data() }),
        Action::Confirm { drain: ms(30_000) },
        Action::Revert,
        Action::ForgetApp,
        Action::Record(vec![(r(43), Event::Healthy), (r(43), Event::Live)]),
        Action::Record(vec![(r(43), Event::Failed { why: "web-2 could not be reached".to_owned() })]),
    ];
    insta::assert_snapshot!(all.iter().map(words).collect::<Vec<_>>().join("\n"), @r#"
    run blog-production-web-r43-1 once
    wait until `bin/check 'it'\''s up'` exits with 0 in blog-production-web-r43-1 (at most 1 min 30 s)
    wait until blog-production-web-r43-1 answers at /up (at most 30 s)
    check 1 container of web with `bin/check 'it'\''s up'`, then move traffic to r43
    check 1 container of web for 1.5 s, then move traffic to r43
    keep the traffic there
    move traffic back
    remove ledger, records and secrets of the app
    record r43 as healthy, r43 as live
    record r43 as failed: web-2 could not be reached
    "#);
}

fn switch_data() -> Switch {
    match switch() {
        Action::Switch(switch) => switch,
        _ => unreachable!(),
    }
}

#[test]
fn names_are_shortened_as_a_shell_would_expand_them() {
    let all: [&[&str]; 7] = [
        &[],
        &["one"],
        &["web-r1-1", "web-r1-2"],
        &["web-r1-1", "web-r1-2", "web-r1-3", "worker-r1-1"],
        &["web-r1-1", "web-r1-3", "web-r1-4"],
        &["a", "b"],
        &["web-x", "web-y", "web-z"],
    ];
    insta::assert_snapshot!(all.map(|all| format!("[{}]", names(all))).join("\n"), @"
    []
    [one]
    [web-r1-{1,2}]
    [web-r1-{1..3}, worker-r1-1]
    [web-r1-{1,3,4}]
    [a, b]
    [web-{x,y,z}]
    ");
}

#[test]
fn spans_as_people_write_them() {
    let all = [0, 250, 1_000, 1_500, 30_000, 60_000, 90_000, 300_000];
    insta::assert_snapshot!(all.map(|millis| span(ms(millis))).join(", "), @"0 ms, 250 ms, 1 s, 1.5 s, 30 s, 1 min, 1 min 30 s, 5 min");
}

#[test]
fn as_json() {
    insta::assert_snapshot!(json::plan::text(&removal()), @r#"
    {
      "v": 1,
      "app": "blog",
      "environment": "production",
      "goal": "remove",
      "release": null,
      "before": {
        "web-1": "r43"
      },
      "waves": [
        {
          "web-1": [
            [
              "remove the route"
            ],
            [
              "remove blog-production-web-r43-1"
            ],
            [
              "remove network blog-production",
              "remove volume blog-production-storage with all its data"
            ]
          ]
        }
      ],
      "settle": {}
    }
    "#);
}
