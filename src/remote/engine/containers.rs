//! One container at a time: make, start, look, stop, remove. Everything ensures a state, so that doing it twice is
//! doing it once.

use std::net::IpAddr;
use std::time::Duration;

use bollard::errors::Error as Bollard;
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerUpdateBody, RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, RemoveContainerOptionsBuilder, StartContainerOptions,
    StopContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt;

use super::addresses::Addresses;
use super::fault::Fault;
use super::{DockerEngine, PATIENCE, spec, within};
use crate::plan::action::ContainerSpec;
use crate::ports::{ContainerView, Ended, PortResult};
use crate::release::Secrets;

/// The longest that a stop may take: a stop time of minutes is legal, and the connection's keepalive finds dead hosts.
const LONG: Duration = Duration::from_hours(1);

/// Requests that are sent at once may overtake each other on the host; after this pause they do not. A start takes
/// much longer.
const BEHIND: Duration = Duration::from_millis(10);

/// How many lines of a container's log explain how it ended.
const LAST_LINES: usize = 20;

impl DockerEngine {
    pub(super) async fn create_container(&self, spec: &ContainerSpec, secrets: &Secrets) -> PortResult<()> {
        let doing = || format!("create {} on {}", spec.name, self.host);
        let facts = self.facts().await.map_err(|fault| fault.doing(doing()))?;
        let mut body = spec::create_body(spec, secrets, &facts.log_driver)
            .map_err(|missing| crate::ports::PortError::refused(doing(), missing))?;
        let address = self.addresses().as_mut().and_then(Addresses::next);
        body.networking_config = address.map(|address| spec::with_address(&spec.network, address));
        match self.make(&spec.name, body.clone()).await {
            Err(Fault::Answered { status: 409, .. }) => self.create_again(&spec.name, body).await,
            result => result,
        }
        .map_err(|fault| fault.doing(doing()))
    }

    /// The name is taken: by a container that is as wanted, or by one that has to go.
    async fn create_again(&self, name: &str, body: ContainerCreateBody) -> Result<(), Fault> {
        let image = body.image.clone().unwrap_or_default();
        let (there, image) = tokio::join!(self.inspect(name), self.image_id(&image));
        let wanted = body.labels.as_ref().and_then(|labels| labels.get(spec::SPEC));
        match there {
            Ok(there) => {
                let made_from = there.config.as_ref().and_then(|config| config.labels.as_ref()?.get(spec::SPEC));
                if made_from == wanted && there.image == image? {
                    return Ok(());
                }
            }
            // It went away meanwhile.
            Err(Fault::Answered { status: 404, .. }) => {}
            Err(fault) => return Err(fault),
        }
        self.delete(name).await?;
        self.make(name, body).await
    }

    pub(super) async fn make(&self, name: &str, body: ContainerCreateBody) -> Result<(), Fault> {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        // bollard's futures hold the whole body several times over.
        Box::pin(within(PATIENCE, self.docker.create_container(Some(options), body))).await?;
        Ok(())
    }

    async fn image_id(&self, reference: &str) -> Result<Option<String>, Fault> {
        Ok(within(PATIENCE, self.docker.inspect_image(reference)).await?.id)
    }

    pub(super) async fn inspect(&self, name: &str) -> Result<ContainerInspectResponse, Fault> {
        Box::pin(within(PATIENCE, self.docker.inspect_container(name, None::<InspectContainerOptions>))).await
    }

    /// Starts and looks in one round trip: an engine holds the container while it starts it, so that a look that comes
    /// right behind waits for the result. If it came first, it is repeated.
    pub(super) async fn start_container(&self, name: &str) -> PortResult<ContainerView> {
        let doing = || format!("start {name} on {}", self.host);
        let start = within(PATIENCE, self.docker.start_container(name, None::<StartContainerOptions>));
        let look = async {
            tokio::time::sleep(BEHIND).await;
            self.inspect(name).await
        };
        let (started, seen) = tokio::join!(start, look);
        started.map_err(|fault| fault.doing(doing()))?;
        let seen = container_view(&seen.map_err(|fault| fault.doing(doing()))?);
        if seen.running {
            return Ok(seen);
        }
        self.look_at(name).await
    }

    pub(super) async fn look_at(&self, name: &str) -> PortResult<ContainerView> {
        let seen = self.inspect(name).await.map_err(|fault| fault.doing(format!("look at {name} on {}", self.host)))?;
        Ok(container_view(&seen))
    }

    pub(super) async fn stop_container(&self, name: &str) -> PortResult<()> {
        match within(LONG, self.docker.stop_container(name, None::<StopContainerOptions>)).await {
            Ok(()) | Err(Fault::Answered { status: 404, .. }) => Ok(()),
            Err(fault) => Err(fault.doing(format!("stop {name} on {}", self.host))),
        }
    }

    pub(super) async fn remove_container(&self, name: &str) -> PortResult<()> {
        self.delete(name).await.map_err(|fault| fault.doing(format!("remove {name} on {}", self.host)))
    }

    /// Removes a container, running or not, with the volumes that have no name: nobody could ever find those again.
    pub(super) async fn delete(&self, name: &str) -> Result<(), Fault> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match within(PATIENCE, self.docker.remove_container(name, Some(options.clone()))).await {
                Ok(()) | Err(Fault::Answered { status: 404, .. }) => return Ok(()),
                // Another request removes it already: wait until it is gone.
                Err(Fault::Answered { status: 409, message })
                    if message.contains("already in progress") && tokio::time::Instant::now() < deadline =>
                {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    pub(super) async fn restart_unless_stopped(&self, name: &str) -> PortResult<()> {
        let policy = RestartPolicy { name: Some(RestartPolicyNameEnum::UNLESS_STOPPED), maximum_retry_count: None };
        let update = ContainerUpdateBody { restart_policy: Some(policy), ..ContainerUpdateBody::default() };
        within(PATIENCE, self.docker.update_container(name, update))
            .await
            .map_err(|fault| fault.doing(format!("let {name} survive a reboot of {}", self.host)))
    }

    pub(super) async fn wait_for_end(&self, name: &str) -> PortResult<Ended> {
        let exit_code = self
            .exit_code(name)
            .await
            .map_err(|fault| fault.doing(format!("wait for the end of {name} on {}", self.host)))?;
        Ok(Ended { exit_code, last_lines: self.tail(name, LAST_LINES).await? })
    }

    async fn exit_code(&self, name: &str) -> Result<i64, Fault> {
        let mut waiting = Box::pin(self.docker.wait_container(name, None::<WaitContainerOptions>));
        match waiting.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            // bollard makes an error of every code but 0.
            Some(Err(Bollard::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(error.into()),
            None => Err(Fault::Reported("the wait ended without an exit code".to_owned())),
        }
    }
}

/// What an inspection says.
fn container_view(seen: &ContainerInspectResponse) -> ContainerView {
    let state = seen.state.clone().unwrap_or_default();
    let running = state.running == Some(true) && state.restarting != Some(true);
    let never_started = state.started_at.as_deref().is_none_or(|at| at.starts_with("0001-"));
    ContainerView {
        running,
        restarts: seen.restart_count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
        exit_code: if running || never_started { None } else { state.exit_code },
        out_of_memory: state.oom_killed == Some(true),
        address: address(seen),
        pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0),
    }
}

/// Its address on the network that it was made on; IPv4 if it has both.
fn address(seen: &ContainerInspectResponse) -> Option<IpAddr> {
    let networks = seen.network_settings.as_ref()?.networks.as_ref()?;
    let made_on = seen.host_config.as_ref().and_then(|config| config.network_mode.as_deref());
    let network = made_on.and_then(|name| networks.get(name)).or_else(|| networks.values().next())?;
    let addresses = [&network.ip_address, &network.global_ipv6_address];
    addresses.into_iter().flatten().find_map(|text| text.parse().ok())
}
