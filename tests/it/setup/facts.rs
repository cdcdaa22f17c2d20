//! What the look at a server says becomes facts, and what a step says becomes its error.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use ship::plan::setup::{Directory, Docker, Engine, Listener, ServerFacts, Settings, SetupStep, plan};
use ship::ports::{OnLine, PortErrorKind, PortResult, Server};
use ship::remote::server::{Program, RemoteServer, Shell};

use super::{KEY, fresh, ready, wanted};

/// Answers every program with the same output and code, and remembers the program.
#[derive(Clone)]
struct Says {
    output: String,
    code: u32,
    asked: Arc<Mutex<Vec<Program>>>,
}

#[async_trait]
impl Shell for Says {
    async fn run(&self, program: Program, tell: OnLine<'_>) -> PortResult<u32> {
        self.asked.lock().unwrap().push(program);
        self.output.lines().for_each(tell);
        Ok(self.code)
    }
}

fn says(output: impl Into<String>, code: u32) -> Says {
    Says { output: output.into(), code, asked: Arc::default() }
}

fn server(shell: &Says) -> RemoteServer<Says> {
    RemoteServer::new("web-1".parse().unwrap(), shell.clone())
}

async fn read(lines: &[String]) -> ServerFacts {
    let output = lines.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
    server(&says(output + "end=yes\n", 0)).facts(&wanted().user).await.unwrap()
}

fn text(key: &str, value: &str) -> String {
    format!("{key}={value}")
}

fn blob(key: &str, value: &str) -> String {
    format!("{key}64={}", STANDARD.encode(value))
}

fn debian() -> Vec<String> {
    vec![
        text("login", "root"),
        text("privileged", "yes"),
        text("os_id", "debian"),
        text("os_version", "12"),
        text("os_name", "Debian GNU/Linux 12 (bookworm)"),
        text("machine", "x86_64"),
        text("systemd", "yes"),
        text("disk_free", "20000000000"),
        text("apt_held_by", ""),
        blob("login_keys", &format!("{KEY}\n")),
    ]
}

fn without_docker() -> Vec<String> {
    vec![
        text("dockerd", ""),
        text("docker_unit", "LoadState=not-found ActiveState=inactive UnitFileState="),
        text("status64", ""),
        text("state", ""),
    ]
}

fn docker(info: &Value, containers: &Value) -> Vec<String> {
    vec![
        text("dockerd", "/usr/sbin/dockerd"),
        text("docker_version", "Docker version 20.10.24+dfsg1, build 5d6db84"),
        text("docker_package", "docker.io"),
        text("docker_package_state", "installed"),
        text("docker_client", "/usr/bin/docker"),
        text("docker_unit", "LoadState=loaded ActiveState=active UnitFileState=enabled"),
        blob("info", &info.to_string()),
        blob("containers", &containers.to_string()),
    ]
}

fn info() -> Value {
    json!({
        "LiveRestoreEnabled": true, "ContainersRunning": 1,
        "Swarm": { "LocalNodeState": "inactive" }, "Unknown": [1],
    })
}

#[tokio::test]
async fn a_fresh_server() {
    let facts = read(&[debian(), without_docker()].concat()).await;
    assert_eq!(facts, fresh());
}

#[tokio::test]
async fn a_server_that_is_ready() {
    let wanted = wanted();
    let inspected = json!({
        "Id": "c".repeat(64), "State": { "Running": true, "Restarting": false },
        "Config": { "Labels": { "ship.proxy": "0.1.0", "ship.proxy.made": wanted.proxy.made("ship") } },
    });
    let rest = vec![
        blob("settings", include_str!("../../../config/host/daemon.json")),
        blob("proxy", &inspected.to_string()),
        blob("images", &json!([{ "Id": "sha256:1", "RepoTags": [wanted.proxy.reference] }]).to_string()),
        blob("status", r#"{"api":1,"version":"0.1.0","services":[]}"#),
        text("account_name", "ship"),
        text("account_groups", "ship docker"),
        blob("account_keys", &format!("# by hand\n{KEY}\n")),
        text("account_ssh", "ship 700"),
        text("account_keys_file", "ship 600"),
        text("state", "ship 700"),
        text("proxy_state", "ship 700"),
        text("listener", &format!("80 77 ship-proxy - {}", "c".repeat(64))),
        text("listener", &format!("443 77 ship-proxy - {}", "c".repeat(64))),
    ];
    let facts = read(&[debian(), docker(&info(), &json!([])), rest].concat()).await;
    assert_eq!(plan(&facts, &wanted), Ok(Vec::new()));
    assert_eq!(facts.docker, ready().docker);
    assert!(facts.listeners.iter().all(|listener| listener.ours), "{:?}", facts.listeners);
    assert_eq!(facts.proxy_state, Some(Directory { owner: "ship".to_owned(), mode: 0o700 }));
}

#[tokio::test]
async fn who_has_a_port() {
    let id = "a".repeat(64);
    let containers = json!([
        { "Id": id, "Names": ["/caddy"], "Ports": [] },
        { "Id": "b".repeat(64), "Names": ["/blog-web"], "Ports": [
            { "PrivatePort": 80, "PublicPort": 443, "Type": "tcp" }, { "PrivatePort": 80, "PublicPort": 80, "Type": "udp" },
        ] },
    ]);
    let found = async |lines: &[String]| {
        let facts = read(&[debian(), docker(&info(), &containers), lines.to_vec()].concat()).await;
        facts.listeners
    };
    let nginx = Listener {
        port: 80,
        ours: false,
        process: Some("nginx".to_owned()),
        pid: Some(312),
        unit: Some("nginx.service".to_owned()),
        container: None,
    };
    let both = [text("listener", "80 312 nginx nginx.service -"), text("listener", "80 312 nginx nginx.service -")];
    assert_eq!(found(&both).await, [nginx], "IPv4 and IPv6 are one program");

    let proxies = [51, 58].map(|pid| text("listener", &format!("443 {pid} docker-proxy docker.service -")));
    let names: Vec<_> = found(&proxies).await.into_iter().map(|listener| listener.container).collect();
    assert_eq!(names, [Some("blog-web".to_owned())]);

    let inside = found(&[text("listener", &format!("80 99 caddy - {id}"))]).await;
    assert_eq!(inside[0].container.as_deref(), Some("caddy"), "on the host's network");
}

#[tokio::test]
async fn docker_that_is_not_docker_engine() {
    let kind = async |lines: &[String]| read(&[debian(), lines.to_vec()].concat()).await.docker;
    let dockerd = || text("dockerd", "/usr/bin/dockerd");
    assert_eq!(kind(&[text("docker_foreign", "a snap")]).await, Docker::Foreign("a snap".to_owned()));
    let unit = text("docker_unit", "LoadState=not-found ActiveState=inactive UnitFileState=");
    assert!(matches!(kind(&[dockerd(), unit]).await, Docker::Foreign(_)));
    // dpkg was cut off: the program is there and its package is not.
    let unit = text("docker_unit", "LoadState=loaded ActiveState=inactive UnitFileState=enabled");
    let half = text("docker_package_state", "unpacked");
    assert_eq!(kind(&[dockerd(), unit.clone(), half]).await, Docker::Missing);
    let whole = kind(&[dockerd(), unit, text("docker_version", "Docker version 29.0.1, build abc")]).await;
    let Docker::Installed(Engine { version, running, client, .. }) = whole else { panic!("{whole:?}") };
    assert_eq!((version.as_str(), running, client), ("29.0.1", false, false));
}

#[tokio::test]
async fn files_of_keys_that_sshd_refuses() {
    let usable = async |ssh: &str, file: &str| {
        let account = vec![text("account_name", "ship"), text("account_ssh", ssh), text("account_keys_file", file)];
        read(&[debian(), account].concat()).await.account.unwrap().keys_usable
    };
    assert!(usable("ship 700", "ship 600").await && usable("ship 755", "root 644").await);
    assert!(!usable("ship 775", "ship 600").await && !usable("ana 700", "ship 600").await);
    assert!(!usable("", "").await);
}

#[tokio::test]
async fn settings_that_may_not_be_read() {
    assert_eq!(read(&debian()).await.settings, Settings::Missing);
    assert_eq!(
        read(&[debian(), vec![text("settings_unreadable", "yes")]].concat()).await.settings,
        Settings::Unreadable
    );
}

#[tokio::test]
async fn a_look_that_ends_early_is_no_look() {
    let error = server(&says("login=root\nprivileged=yes\n", 0)).facts(&wanted().user).await.unwrap_err();
    assert_eq!(error.one_line(), "look at web-1: the look at the server ended early, after 2 lines");
    let error = server(&says("info64=!!!\ndockerd=/usr/bin/dockerd\ndocker_unit=LoadState=loaded\nend=yes\n", 0))
        .facts(&wanted().user)
        .await
        .unwrap_err();
    assert!(error.one_line().starts_with("look at web-1: `info64` is not readable: "), "{}", error.one_line());
}

#[tokio::test]
async fn a_failed_step_says_the_first_error_of_apt() {
    let output = "Reading package lists...\nE: Unable to locate package docker.io\nE: No candidate\nsee above\n";
    let shell = says(output, 100);
    let install = plan(&fresh(), &wanted()).unwrap().swap_remove(1);
    let lines = Mutex::new(Vec::new());
    let tell = |line: &str| lines.lock().unwrap().push(line.to_owned());
    let error = server(&shell).perform(&install, &tell).await.unwrap_err();
    assert_eq!(
        error.one_line(),
        "install Docker Engine from Debian GNU/Linux 12 (bookworm) on web-1: Unable to locate package docker.io"
    );
    assert_eq!(error.hints, ["on the server: less /var/log/ship-setup.log (all that apt said)"]);
    assert_eq!(lines.into_inner().unwrap().len(), 4);

    let full = says("dpkg: error: failed to write: No space left on device\nbye\n", 1);
    let error = server(&full).perform(&SetupStep::StartDocker, &|_| {}).await.unwrap_err();
    assert_eq!((error.kind, error.one_line().ends_with(": bye")), (PortErrorKind::DiskFull, true));
}

#[tokio::test]
async fn keys_and_images_are_read_and_not_arguments() {
    let shell = says("", 0);
    for step in plan(&fresh(), &wanted()).unwrap() {
        server(&shell).perform(&step, &|_| {}).await.unwrap();
    }
    let asked = shell.asked.lock().unwrap();
    let reading: Vec<_> = asked.iter().filter(|program| !program.input.is_empty()).collect();
    assert_eq!(reading.len(), 3, "settings, keys, image");
    assert!(asked.iter().all(|program| !program.arguments.join(" ").contains("AAAAC3NzaC1lZDI1NTE5")));
    assert_eq!(reading[1].input, format!("{KEY}\n").as_bytes());
}
