//! What containers stand on: networks, volumes, image tags.

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{InspectNetworkOptions, RemoveImageOptionsBuilder, RemoveVolumeOptionsBuilder};
use hyper::Method;
use serde::Serialize;

use super::addresses::{Addresses, Division};
use super::fault::Fault;
use super::{DockerEngine, PATIENCE, spec, within};
use crate::name::Scope;
use crate::ports::PortResult;
use crate::remote::http::body;

/// A network to be made. bollard's has no `CheckDuplicate`, without which engines before 25 make a second one.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewNetwork<'a> {
    name: &'a str,
    check_duplicate: bool,
    driver: &'a str,
    labels: std::collections::BTreeMap<String, String>,
    #[serde(rename = "IPAM", skip_serializing_if = "Option::is_none")]
    ipam: Option<Ipam>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ipam {
    config: [IpamConfig; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct IpamConfig {
    subnet: String,
    #[serde(rename = "IPRange")]
    range: String,
    gateway: String,
}

impl DockerEngine {
    /// Makes the network twice: first as the engine would, because it knows which subnets are free on this host, then
    /// again with the same subnet, divided, because only a subnet that was asked for takes addresses that stay.
    pub(super) async fn make_network(&self, scope: &Scope, name: &str) -> PortResult<()> {
        let doing = || format!("create the network {name} on {}", self.host);
        self.divide_network(scope, name).await.map_err(|fault| fault.doing(doing()))
    }

    async fn divide_network(&self, scope: &Scope, name: &str) -> Result<(), Fault> {
        if !self.create_network(scope, name, None).await? {
            return self.learn_network(name).await.map(drop);
        }
        let subnet = self.learn_network(name).await?;
        let Some(division) = subnet.as_deref().and_then(Division::of) else { return Ok(()) };
        within(PATIENCE, self.docker.remove_network(name)).await?;
        self.create_network(scope, name, Some(&division)).await?;
        *self.addresses() = Addresses::of(&division.subnet, &division.range);
        Ok(())
    }

    /// Whether it was not there before.
    async fn create_network(&self, scope: &Scope, name: &str, division: Option<&Division>) -> Result<bool, Fault> {
        let ipam = division.map(|Division { subnet, range, gateway }| Ipam {
            config: [IpamConfig { subnet: subnet.clone(), range: range.clone(), gateway: gateway.clone() }],
        });
        let labels = spec::scope_labels(scope);
        let new = NewNetwork { name, check_duplicate: true, driver: "bridge", labels, ipam };
        let json = serde_json::to_vec(&new).map_err(|error| Fault::Unusable(Box::new(error)))?;
        match within(PATIENCE, self.api.ask(Method::POST, "/networks/create", body(json))).await {
            Ok(_) => Ok(true),
            Err(Fault::Answered { status: 409, .. }) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Takes over the addresses of a network that is there; answers its subnet.
    async fn learn_network(&self, name: &str) -> Result<Option<String>, Fault> {
        let found = within(PATIENCE, self.docker.inspect_network(name, None::<InspectNetworkOptions>)).await?;
        let config = found.ipam.and_then(|ipam| ipam.config).and_then(|configs| configs.into_iter().next());
        let Some(config) = config else { return Ok(None) };
        let subnet = config.subnet;
        *self.addresses() =
            subnet.as_deref().zip(config.ip_range.as_deref()).and_then(|(subnet, range)| Addresses::of(subnet, range));
        Ok(subnet)
    }

    pub(super) async fn make_volume(&self, scope: &Scope, name: &str) -> PortResult<()> {
        let new = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(spec::scope_labels(scope).into_iter().collect()),
            ..VolumeCreateRequest::default()
        };
        match within(PATIENCE, self.docker.create_volume(new)).await {
            Ok(_) | Err(Fault::Answered { status: 409, .. }) => Ok(()),
            Err(fault) => Err(fault.doing(format!("create the volume {name} on {}", self.host))),
        }
    }

    pub(super) async fn delete_image(&self, reference: &str) -> PortResult<()> {
        let options = RemoveImageOptionsBuilder::new().build();
        let removed = within(PATIENCE, self.docker.remove_image(reference, Some(options), None)).await;
        gone(removed.map(drop)).map_err(|fault| fault.doing(format!("remove the image {reference} on {}", self.host)))
    }

    pub(super) async fn delete_network(&self, name: &str) -> PortResult<()> {
        let removed = within(PATIENCE, self.docker.remove_network(name)).await;
        gone(removed).map_err(|fault| fault.doing(format!("remove the network {name} on {}", self.host)))
    }

    pub(super) async fn delete_volume(&self, name: &str) -> PortResult<()> {
        let options = RemoveVolumeOptionsBuilder::new().build();
        let removed = within(PATIENCE, self.docker.remove_volume(name, Some(options))).await;
        gone(removed).map_err(|fault| fault.doing(format!("remove the volume {name} on {}", self.host)))
    }
}

/// What is not there is removed.
fn gone(removed: Result<(), Fault>) -> Result<(), Fault> {
    match removed {
        Err(Fault::Answered { status: 404, .. }) => Ok(()),
        other => other,
    }
}
