//! What the app says, from all hosts and containers in the order of time.

use super::support::{Bench, Project, image, toml, web};

#[test]
fn logs_of_all_containers_come_in_the_order_of_time() {
    let names = ["log-a", "log-b"];
    let bench = Bench::with_docker(&names);
    let project = Project::ready(&bench, &names, &toml("blog", &names, MORE));
    project.deploys(&image("v1"));
    for number in 0..6 {
        let name = names[number % 2];
        assert_eq!(web::get(bench.address(name), &format!("/version?n={number}"), &[]).status, 200);
    }

    in_order(&project);
    chosen(&project);
    followed(&bench, &project);
    of_an_old_release(&project);
}

const MORE: &str = "[roles.web]\n[roles.worker]\ncommand = [\"app\", \"work\"]\nhosts = [\"log-b\"]\n";

fn in_order(project: &Project) {
    let ran = project.ship(&["logs", "--json", "--role", "web", "--grep", "/version?n="]).ok();
    let lines: Vec<serde_json::Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<_> = lines.iter().map(|line| number_in(line["text"].as_str().unwrap())).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5], "{}", ran.stdout);
    let hosts: Vec<_> = lines.iter().map(|line| line["host"].as_str().unwrap()).collect();
    assert_eq!(hosts, ["log-a", "log-b", "log-a", "log-b", "log-a", "log-b"]);
    assert!(lines.iter().all(|line| line["release"] == "r1" && line["stream"] == "stdout"), "{}", ran.stdout);
    let mut times: Vec<_> = lines.iter().map(|line| line["at"].as_str().unwrap()).collect();
    let sorted = times.clone();
    times.sort_unstable();
    assert_eq!(times, sorted);
}

fn number_in(text: &str) -> u32 {
    let (_, after) = text.split_once("?n=").unwrap();
    after.split(' ').next().unwrap().parse().unwrap()
}

fn chosen(project: &Project) {
    let ran = project.ship(&["logs", "--role", "worker"]).ok();
    assert!(ran.stdout.lines().all(|line| line.starts_with("log-b/worker.1")), "{}", ran.stdout);
    let ran = project.ship(&["logs", "--host", "log-a", "--tail", "2"]).ok();
    assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.stdout);
    let ran = project.ship(&["logs", "--since", "2020-01-01T00:00:00Z", "--grep", "listens on"]).ok();
    assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.stdout);
    project.ship(&["logs", "--since", "yesteryear"]).exits(2).says("yesteryear");
    project.ship(&["logs", "--release", "r9"]).exits(3).says("there is no container of r9");
}

fn followed(bench: &Bench, project: &Project) {
    let mut logs = project.start(&["logs", "-f", "--role", "web"]);
    logs.until_says("listens on");
    for number in [77, 78] {
        assert_eq!(web::get(bench.address("log-b"), &format!("/version?n={number}"), &[]).status, 200);
        logs.until_says(&format!("/version?n={number}"));
    }
    logs.signal(rustix::process::Signal::INT);
    logs.end().ok();
}

fn of_an_old_release(project: &Project) {
    project.deploys(&image("v2"));
    project.ship(&["logs", "--release", "r1"]).ok().prints("v1 listens on");
    let ran = project.ship(&["logs"]).ok().prints("v2 listens on");
    assert!(!ran.stdout.contains("v1 listens on"), "{}", ran.stdout);
}
