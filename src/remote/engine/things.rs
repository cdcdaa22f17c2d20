//! What containers stand on: networks, volumes, image tags.

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{RemoveImageOptionsBuilder, RemoveVolumeOptionsBuilder};
use hyper::Method;
use serde::Serialize;

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
}

impl DockerEngine {
    pub(super) async fn make_network(&self, scope: &Scope, name: &str) -> PortResult<()> {
        let new = NewNetwork { name, check_duplicate: true, driver: "bridge", labels: spec::scope_labels(scope) };
        let doing = || format!("create the network {name} on {}", self.host);
        let json = serde_json::to_vec(&new).map_err(|error| Fault::Unusable(Box::new(error)).doing(doing()))?;
        match within(PATIENCE, self.api.ask(Method::POST, "/networks/create", body(json))).await {
            Ok(_) | Err(Fault::Answered { status: 409, .. }) => Ok(()),
            Err(fault) => Err(fault.doing(doing())),
        }
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
