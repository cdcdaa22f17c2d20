//! Reads what `scripts/facts.sh` says. Every value is optional: what is not said was not there, or could not be seen.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::plan::setup::{
    Account, DOCKER_GROUP, Directory, Docker, Engine, Listener, ProxyFacts, ServerFacts, Settings, System,
};

/// The server said something that is not what the script says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The script did not come to its end.
    #[error("the look at the server ended early, after {0} lines")]
    Short(usize),
    /// A value has another form.
    #[error("`{key}` is not readable: {why}")]
    Value {
        /// Whose.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

/// What the script said, by key.
struct Said<'a>(BTreeMap<&'a str, Vec<&'a str>>);

impl<'a> Said<'a> {
    fn text(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).and_then(|values| values.first().copied()).filter(|value| !value.is_empty())
    }

    fn yes(&self, key: &str) -> bool {
        self.text(key) == Some("yes")
    }

    fn number(&self, key: &str) -> u64 {
        self.text(key).and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    fn blob(&self, key: &'static str) -> Result<Option<String>, Unreadable> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let bytes = STANDARD.decode(text).map_err(|error| Unreadable::Value { key, why: error.to_string() })?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn json<T: DeserializeOwned>(&self, key: &'static str) -> Result<Option<T>, Unreadable> {
        let parse = |text: String| {
            serde_json::from_str(&text).map_err(|error| Unreadable::Value { key, why: error.to_string() })
        };
        self.blob(key)?.map(parse).transpose()
    }

    fn lines(&self, key: &'static str) -> Result<Vec<String>, Unreadable> {
        let text = self.blob(key)?.unwrap_or_default();
        Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// `OWNER MODE`, as `stat -c '%U %a'` says.
    fn directory(&self, key: &str) -> Option<Directory> {
        let (owner, mode) = self.text(key)?.split_once(' ')?;
        Some(Directory { owner: owner.to_owned(), mode: u32::from_str_radix(mode, 8).ok()? })
    }
}

/// Docker's `/info`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    #[serde(default)]
    live_restore_enabled: bool,
    #[serde(default)]
    containers_running: u32,
    swarm: Option<Swarm>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Swarm {
    #[serde(default)]
    local_node_state: String,
}

/// One of Docker's `/containers/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    ports: Vec<Port>,
}

impl Listed {
    fn name(&self) -> String {
        self.names.first().map_or(self.id.as_str(), |name| name.trim_start_matches('/')).to_owned()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Port {
    public_port: Option<u16>,
    #[serde(rename = "Type")]
    protocol: Option<String>,
}

/// Docker's `/containers/ship-proxy/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    state: State,
    config: Config,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    running: bool,
    #[serde(default)]
    restarting: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    labels: Option<BTreeMap<String, String>>,
}

/// One of Docker's `/images/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    id: String,
    repo_tags: Option<Vec<String>>,
}

/// What is needed of ship-proxy's `/v1/status`.
#[derive(Deserialize)]
struct Status {
    version: String,
}

/// The facts that the script's output says.
pub(super) fn read(output: &str) -> Result<ServerFacts, Unreadable> {
    let mut said = Said(BTreeMap::new());
    for (key, value) in output.lines().filter_map(|line| line.split_once('=')) {
        said.0.entry(key).or_default().push(value);
    }
    if !said.yes("end") {
        return Err(Unreadable::Short(output.lines().count()));
    }
    let proxy: Option<Inspected> = said.json("proxy64")?;
    let images: Vec<Image> = said.json("images64")?.unwrap_or_default();
    let tags = |image: Image| {
        let id = image.id;
        image.repo_tags.unwrap_or_default().into_iter().map(move |tag| (tag, id.clone()))
    };
    Ok(ServerFacts {
        login: said.text("login").unwrap_or_default().to_owned(),
        privileged: said.yes("privileged"),
        system: system(&said),
        disk_free: said.number("disk_free"),
        apt_held_by: said.text("apt_held_by").map(str::to_owned),
        docker: docker(&said)?,
        settings: match said.blob("settings64")? {
            Some(text) => Settings::Text(text),
            None if said.yes("settings_unreadable") => Settings::Unreadable,
            None => Settings::Missing,
        },
        settings_pending: said.yes("settings_pending"),
        account: account(&said)?,
        proxy_account: said.yes("proxy_account"),
        login_keys: said.lines("login_keys64")?,
        state: said.directory("state"),
        proxy_state: said.directory("proxy_state"),
        proxy_images: images.into_iter().flat_map(tags).collect(),
        listeners: listeners(&said, proxy.as_ref())?,
        proxy: match proxy {
            Some(inspected) => Some(proxy_facts(inspected, said.json("status64")?)),
            None => None,
        },
    })
}

fn system(said: &Said<'_>) -> System {
    System {
        id: said.text("os_id").unwrap_or_default().to_owned(),
        version: said.text("os_version").map(str::to_owned),
        name: said.text("os_name").unwrap_or("an unknown system").to_owned(),
        machine: said.text("machine").unwrap_or_default().to_owned(),
        systemd: said.yes("systemd"),
        lacks_apparmor_tools: said.yes("lacks_apparmor_tools"),
    }
}

fn docker(said: &Said<'_>) -> Result<Docker, Unreadable> {
    if let Some(what) = said.text("docker_foreign") {
        return Ok(Docker::Foreign(what.to_owned()));
    }
    let half_installed = said.text("docker_package_state").is_some_and(|state| state != "installed");
    if said.text("dockerd").is_none() || half_installed {
        return Ok(Docker::Missing);
    }
    let unit = said.text("docker_unit").unwrap_or_default();
    if !unit.contains("LoadState=loaded") && !unit.contains("LoadState=masked") {
        return Ok(Docker::Foreign("a dockerd without a systemd service".to_owned()));
    }
    let info: Option<Info> = said.json("info64")?;
    let swarm = |info: &Info| info.swarm.as_ref().is_some_and(|swarm| swarm.local_node_state == "active");
    // "Docker version 20.10.24+dfsg1, build 5d6db84"
    let version = said.text("docker_version").and_then(|text| text.split([' ', ',']).nth(2)).unwrap_or("0");
    Ok(Docker::Installed(Engine {
        version: version.to_owned(),
        package: said.text("docker_package").map(str::to_owned),
        client: said.text("docker_client").is_some(),
        enabled: unit.contains("UnitFileState=enabled"),
        running: unit.contains("ActiveState=active") || info.is_some(),
        live_restore: info.as_ref().is_some_and(|info| info.live_restore_enabled),
        swarm: info.as_ref().is_some_and(swarm),
        containers_running: info.as_ref().map_or(0, |info| info.containers_running),
    }))
}

fn account(said: &Said<'_>) -> Result<Option<Account>, Unreadable> {
    let Some(name) = said.text("account_name") else { return Ok(None) };
    // What sshd's StrictModes wants.
    let usable = |key| {
        said.directory(key).is_some_and(|file| file.mode & 0o022 == 0 && (file.owner == "root" || file.owner == name))
    };
    let groups = said.text("account_groups").unwrap_or_default();
    Ok(Some(Account {
        in_docker_group: groups.split_whitespace().any(|group| group == DOCKER_GROUP),
        keys: said.lines("account_keys64")?,
        keys_usable: usable("account_ssh") && usable("account_keys_file"),
    }))
}

fn proxy_facts(inspected: Inspected, status: Option<Status>) -> ProxyFacts {
    let labels = inspected.config.labels.unwrap_or_default();
    ProxyFacts {
        running: inspected.state.running && !inspected.state.restarting,
        version: labels.get("ship.proxy").cloned(),
        made: labels.get("ship.proxy.made").cloned(),
        answers: status.map(|status| status.version),
    }
}

fn listeners(said: &Said<'_>, proxy: Option<&Inspected>) -> Result<Vec<Listener>, Unreadable> {
    let containers: Vec<Listed> = said.json("containers64")?.unwrap_or_default();
    let publishes = |container: &&Listed, port: u16| {
        container.ports.iter().any(|p| p.public_port == Some(port) && p.protocol.as_deref() != Some("udp"))
    };
    let mut found: Vec<Listener> = Vec::new();
    for line in said.0.get("listener").into_iter().flatten() {
        let mut words = line.split(' ').map(|word| Some(word.to_owned()).filter(|word| word != "-"));
        let mut word = || words.next().flatten();
        let Some(port) = word().and_then(|port| port.parse().ok()) else { continue };
        let (pid, process, unit, id) = (word().and_then(|pid| pid.parse().ok()), word(), word(), word());
        let inside = containers.iter().find(|container| Some(&container.id) == id.as_ref());
        let container = inside.or_else(|| containers.iter().find(|container| publishes(container, port)));
        // Without root nobody sees whose a socket is; ship-proxy's own account is such a one.
        let ours = proxy.is_some_and(|proxy| match (&id, pid) {
            (Some(id), _) => *id == proxy.id,
            (None, None) => proxy.state.running,
            (None, Some(_)) => false,
        });
        let listener = Listener { port, ours, process, pid, unit, container: container.map(Listed::name) };
        // IPv4 and IPv6 are two sockets of one program.
        let same = |other: &Listener| {
            other.pid == listener.pid || (other.container.is_some() && other.container == listener.container)
        };
        if !found.iter().any(|other| other.port == listener.port && same(other)) {
            found.push(listener);
        }
    }
    Ok(found)
}
