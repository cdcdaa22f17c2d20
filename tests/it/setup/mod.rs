//! `ship setup`: what a server lacks, what is in the way, and that it converges whatever happens on the way.

mod facts;
mod obstacles;
mod plan;
mod run;
mod server;
mod settings;

use ship::plan::setup::{
    Account, Directory, Docker, Engine, ImageArchive, ProxyFacts, ProxySpec, ServerFacts, Settings, System, Wanted,
    plan,
};

/// The key that ship logs in with.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBia150rS0c+1UZq7B8CMlSdY5oDO12ifRI9UtF2GmiQ ana@mac";
/// Another one that may log in as root.
const ROOT_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOtherKeyThatIsNotTheSameAsTheFirstOne12345 bob@pc";

/// Debian 12 as a provider hands it over.
fn fresh() -> ServerFacts {
    ServerFacts {
        login: "root".to_owned(),
        privileged: true,
        system: System {
            id: "debian".to_owned(),
            version: Some("12".to_owned()),
            name: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            machine: "x86_64".to_owned(),
            systemd: true,
            lacks_apparmor_tools: false,
        },
        disk_free: 20_000_000_000,
        apt_held_by: None,
        docker: Docker::Missing,
        settings: Settings::Missing,
        settings_pending: false,
        account: None,
        proxy_account: false,
        login_keys: vec![KEY.to_owned()],
        state: None,
        proxy_state: None,
        proxy_images: [].into(),
        proxy: None,
        listeners: Vec::new(),
    }
}

/// The same with everything that setup does.
fn ready() -> ServerFacts {
    let wanted = wanted();
    ServerFacts {
        docker: Docker::Installed(engine()),
        settings: Settings::Text(include_str!("../../../config/host/daemon.json").to_owned()),
        account: Some(Account { in_docker_group: true, keys: vec![KEY.to_owned()], keys_usable: true }),
        state: Some(Directory { owner: "ship".to_owned(), mode: 0o700 }),
        proxy_state: Some(Directory { owner: "ship".to_owned(), mode: 0o700 }),
        proxy_images: [(wanted.proxy.reference.clone(), "sha256:1".to_owned())].into(),
        proxy: Some(ProxyFacts {
            running: true,
            version: Some("0.1.0".to_owned()),
            made: Some(wanted.proxy.made("ship")),
            answers: Some("0.1.0".to_owned()),
        }),
        ..fresh()
    }
}

/// Docker as setup leaves it.
fn engine() -> Engine {
    Engine {
        version: "20.10.24+dfsg1".to_owned(),
        package: Some("docker.io".to_owned()),
        client: true,
        enabled: true,
        running: true,
        live_restore: true,
        swarm: false,
        containers_running: 1,
    }
}

/// The same server with another Docker.
fn with_engine(facts: ServerFacts, change: impl FnOnce(&mut Engine)) -> ServerFacts {
    let mut engine = engine();
    change(&mut engine);
    ServerFacts { docker: Docker::Installed(engine), ..facts }
}

fn wanted() -> Wanted {
    Wanted { user: "ship".parse().unwrap(), keys: vec![KEY.parse().unwrap()], proxy: proxy("0.1.0") }
}

fn proxy(version: &str) -> ProxySpec {
    ProxySpec {
        reference: format!("ship-proxy:{version}-0123456789ab"),
        digest: format!("sha256:{}", "0".repeat(64)).parse().unwrap(),
        version: version.to_owned(),
        archive: ImageArchive::new(b"tar".to_vec()),
    }
}

/// The plan in words, one step a line.
fn words(facts: &ServerFacts, wanted: &Wanted) -> String {
    let steps = plan(facts, wanted).unwrap();
    steps.iter().map(|step| format!("{step}\n")).collect::<Vec<_>>().concat()
}
