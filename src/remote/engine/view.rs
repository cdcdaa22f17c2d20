//! One look at an engine: everything of an app and the engine itself, asked for at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum, ImageSummary, Network};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptions, ListVolumesOptions,
};

use super::addresses::Addresses;
use super::fault::Fault;
use super::spec::{labels, scope_filter, scope_labels};
use super::{DockerEngine, PATIENCE, within};
use crate::inventory::{Container, Engine as EngineFacts, Status};
use crate::name::Scope;
use crate::plan;
use crate::ports::{EngineView, PortResult};

impl DockerEngine {
    pub(super) async fn look_around(&self, scope: &Scope) -> PortResult<EngineView> {
        let looked = tokio::try_join!(
            self.version(),
            self.summaries(scope),
            self.images_of(scope),
            self.volumes(),
            self.network(scope),
            self.facts(),
        );
        let (engine, summaries, images, volumes, network, _) =
            looked.map_err(|fault| fault.doing(format!("look at the engine of {}", self.host)))?;
        let mut addresses = network.as_ref().and_then(divided);
        if let Some(addresses) = &mut addresses {
            summaries.iter().filter_map(kept_address).for_each(|address| addresses.take(address));
        }
        *self.addresses() = addresses;
        let containers = summaries.into_iter().filter_map(container).collect();
        Ok(EngineView { engine, containers, images, volumes, network: network.is_some() })
    }

    async fn version(&self) -> Result<EngineFacts, Fault> {
        let version = within(PATIENCE, self.docker.version()).await?;
        let part = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
        Ok(EngineFacts {
            platform: format!("{}/{}", part(version.os), part(version.arch)),
            version: part(version.version),
        })
    }

    async fn summaries(&self, scope: &Scope) -> Result<Vec<ContainerSummary>, Fault> {
        let options = ListContainersOptionsBuilder::new().all(true).filters(&scope_filter(scope)).build();
        within(PATIENCE, self.docker.list_containers(Some(options))).await
    }

    async fn images_of(&self, scope: &Scope) -> Result<BTreeMap<String, String>, Fault> {
        let filters = HashMap::from([("reference".to_owned(), vec![scope.to_string()])]);
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let found = within(PATIENCE, self.docker.list_images(Some(options))).await?;
        Ok(tags(scope, found))
    }

    async fn volumes(&self) -> Result<BTreeSet<String>, Fault> {
        let found = within(PATIENCE, self.docker.list_volumes(None::<ListVolumesOptions>)).await?;
        Ok(found.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect())
    }

    async fn network(&self, scope: &Scope) -> Result<Option<Network>, Fault> {
        let found = within(PATIENCE, self.docker.list_networks(None::<ListNetworksOptions>)).await?;
        Ok(found.into_iter().find(|network| belongs(network, scope)))
    }
}

/// The addresses of a network that ship divided.
fn divided(network: &Network) -> Option<Addresses> {
    let config = network.ipam.as_ref()?.config.as_ref()?.first()?;
    Addresses::of(config.subnet.as_deref()?, config.ip_range.as_deref()?)
}

/// The address that a container keeps, running or not.
fn kept_address(summary: &ContainerSummary) -> Option<Ipv4Addr> {
    let networks = summary.network_settings.as_ref()?.networks.as_ref()?;
    networks.values().find_map(|endpoint| endpoint.ipam_config.as_ref()?.ipv4_address.as_ref()?.parse().ok())
}

/// A replica, or `None` for what is none.
fn container(summary: ContainerSummary) -> Option<Container> {
    let labels = labels(summary.labels.as_ref()?)?;
    let name = summary.names.and_then(|names| names.into_iter().next()).unwrap_or_default();
    Some(Container {
        id: summary.id?,
        name: name.trim_start_matches('/').to_owned(),
        labels,
        status: status(summary.state),
        words: summary.status.unwrap_or_default(),
    })
}

fn status(state: Option<ContainerSummaryStateEnum>) -> Status {
    use ContainerSummaryStateEnum as State;
    match state {
        Some(State::CREATED) => Status::Created,
        Some(State::RUNNING | State::STOPPING) => Status::Running,
        Some(State::PAUSED) => Status::Paused,
        Some(State::RESTARTING) => Status::Restarting,
        Some(State::EXITED | State::REMOVING | State::DEAD | State::EMPTY) | None => Status::Exited,
    }
}

/// The app's tags. Older engines answer with all tags of an image of which one matches.
fn tags(scope: &Scope, images: Vec<ImageSummary>) -> BTreeMap<String, String> {
    let prefix = format!("{scope}:");
    let tags = images.into_iter().flat_map(|image| image.repo_tags.into_iter().map(move |tag| (tag, image.id.clone())));
    tags.filter(|(tag, _)| tag.starts_with(&prefix)).collect()
}

fn belongs(network: &Network, scope: &Scope) -> bool {
    let labelled = network.labels.as_ref().is_some_and(|labels| {
        scope_labels(scope).iter().all(|(name, value)| labels.get(name).is_some_and(|there| there == value))
    });
    labelled || network.name.as_deref() == Some(plan::container::network(scope).as_str())
}
