//! An image to the engine: nothing if it is there, a tag if it only lacks that, else the layers that it lacks, and in
//! doubt all of it. What arrived is proven before it counts.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bollard::models::{ContainerCreateBody, ImageInspect};
use bollard::query_parameters::TagImageOptionsBuilder;
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};
use http_body_util::{BodyExt, Either, StreamBody};
use hyper::Method;
use hyper::body::Frame;
use serde_json::Value;

use super::fault::Fault;
use super::{DockerEngine, Facts, PATIENCE, spec, within};
use crate::event::Progress;
use crate::name::Digest;
use crate::ports::{OnProgress, PortError, PortErrorKind, PortResult, Sent};
use crate::release::Image;

/// Why a load did not bring the image.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    /// The image could not be read where it comes from.
    #[error("cannot read the image")]
    Source(#[source] io::Error),
    /// The engine did not take it.
    #[error(transparent)]
    Engine(#[from] Fault),
    /// The engine took it and has something else.
    #[error("the image that arrived is another one: {0}")]
    Wrong(String),
}

/// Bytes that have left, counted where the channel takes them.
type Counter = Arc<AtomicU64>;

impl DockerEngine {
    pub(super) async fn push_image(
        &self,
        image: &Image,
        chains: &[&[Digest]],
        tell: OnProgress<'_>,
    ) -> PortResult<Sent> {
        let nothing = Sent { of_layers: image.layers.len(), ..Sent::default() };
        let doing = || format!("send {} to {}", image.reference, self.host);
        let (there, by_digest, facts) =
            tokio::join!(self.image(&image.reference), self.image(image.digest.as_str()), self.facts());
        let facts = facts.map_err(|fault| fault.doing(doing()))?;
        if there.map_err(|fault| fault.doing(doing()))?.is_some_and(|seen| differs(image, &seen, facts).is_none()) {
            return Ok(nothing);
        }
        if by_digest.map_err(|fault| fault.doing(doing()))?.is_some() {
            self.tag(image.digest.as_str(), &image.reference).await.map_err(|fault| fault.doing(doing()))?;
            return Ok(nothing);
        }
        let error = match self.load(image, chains, facts, tell).await {
            Ok(sent) => return Ok(sent),
            Err(error) if chains.is_empty() || !worth_again(&error) => error,
            Err(first) => match self.load(image, &[], facts, tell).await {
                Ok(sent) => return Ok(Sent { again: true, ..sent }),
                Err(LoadError::Source(_)) => first,
                Err(second) => second,
            },
        };
        Err(match error {
            LoadError::Engine(fault) => fault.doing(doing()),
            error => PortError::refused(doing(), error),
        })
    }

    /// An image by tag or digest, if it is there.
    async fn image(&self, name: &str) -> Result<Option<ImageInspect>, Fault> {
        match within(PATIENCE, self.docker.inspect_image(name)).await {
            Ok(seen) => Ok(Some(seen)),
            Err(Fault::Answered { status: 404, .. }) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn tag(&self, image: &str, reference: &str) -> Result<(), Fault> {
        let (repository, tag) = reference.rsplit_once(':').unwrap_or((reference, "latest"));
        let options = TagImageOptionsBuilder::new().repo(repository).tag(tag).build();
        within(PATIENCE, self.docker.tag_image(image, Some(options))).await
    }

    /// Loads and proves. The classic store checks every layer before it gives an image its tag; containerd's does not,
    /// so that there the image arrives under another tag until a container could be made from it.
    async fn load(
        &self,
        image: &Image,
        have: &[&[Digest]],
        engine: &Facts,
        tell: OnProgress<'_>,
    ) -> Result<Sent, LoadError> {
        let tag =
            if engine.containerd_store { format!("{}-arriving", image.reference) } else { image.reference.clone() };
        let stream = self.images.stream(image, &tag, have).await.map_err(LoadError::Source)?;
        let bytes = self.upload(stream.bytes, stream.total, tell).await?;
        let seen = self.image(&tag).await?.ok_or_else(|| LoadError::Wrong("it has no tag".to_owned()))?;
        if let Some(difference) = differs(image, &seen, engine) {
            return Err(LoadError::Wrong(difference));
        }
        if engine.containerd_store {
            self.try_out(&tag).await?;
            self.tag(&tag, &image.reference).await?;
            let options = bollard::query_parameters::RemoveImageOptionsBuilder::new().noprune(true).build();
            within(PATIENCE, self.docker.remove_image(&tag, Some(options), None)).await?;
        }
        Ok(Sent { layers: stream.layers, of_layers: image.layers.len(), bytes, again: false })
    }

    /// Makes a container and removes it: that needs every layer.
    async fn try_out(&self, tag: &str) -> Result<(), Fault> {
        let name = tag.replace([':', '/'], "-");
        let body = ContainerCreateBody {
            image: Some(tag.to_owned()),
            cmd: Some(vec!["/".to_owned()]),
            labels: Some([(spec::ONCE.to_owned(), "proof".to_owned())].into()),
            ..ContainerCreateBody::default()
        };
        let leftover = self.make_once(&name, body).await?;
        self.delete(&name).await?;
        leftover.removed();
        Ok(())
    }

    async fn upload(
        &self,
        bytes: BoxStream<'static, io::Result<Bytes>>,
        total: u64,
        tell: OnProgress<'_>,
    ) -> Result<u64, Fault> {
        let count = Counter::default();
        let counted = Arc::clone(&count);
        let frames = bytes.map(move |piece| {
            piece.map(|piece| {
                counted.fetch_add(piece.len() as u64, Ordering::Relaxed);
                Frame::data(piece)
            })
        });
        let body = Either::Right(StreamBody::new(Box::pin(frames) as std::pin::Pin<Box<_>>));
        let answer = async {
            let response = self.api.ask(Method::POST, "/images/load?quiet=1", body).await?;
            let said = response.into_body().collect().await.map_err(|error| Fault::Lost(Box::new(error)))?;
            verdict(&said.to_bytes())
        };
        let mut answer = std::pin::pin!(answer);
        let mut every = tokio::time::interval(std::time::Duration::from_millis(100));
        let result = loop {
            tokio::select! {
                result = &mut answer => break result,
                _ = every.tick() => {
                    let done = count.load(Ordering::Relaxed);
                    tell(Progress::Bytes { done, total: total.max(done) });
                }
            }
        };
        let done = count.load(Ordering::Relaxed);
        result?;
        tell(Progress::Bytes { done, total: done });
        Ok(done)
    }
}

/// Whether the image whole may help where a part of it did not.
fn worth_again(error: &LoadError) -> bool {
    match error {
        LoadError::Source(_) => false,
        LoadError::Wrong(_) => true,
        LoadError::Engine(fault) => fault.kind() == PortErrorKind::Refused || fault.kind() == PortErrorKind::Missing,
    }
}

/// An engine reports what went wrong inside an answer that says that all is well.
pub(super) fn verdict(said: &[u8]) -> Result<(), Fault> {
    for message in serde_json::Deserializer::from_slice(said).into_iter::<Value>() {
        let message = message.map_err(|error| Fault::Unusable(Box::new(error)))?;
        let stream = message.get("stream").and_then(Value::as_str).unwrap_or_default();
        // containerd's store: the message is not even an error.
        let hidden = stream.contains("Error unpacking image").then_some(stream);
        if let Some(error) = message.get("error").and_then(Value::as_str).or(hidden) {
            return Err(Fault::Reported(error.trim().to_owned()));
        }
    }
    Ok(())
}

/// What is different between the image that is wanted and one that an engine has; `None` if it is the same. In the
/// classic store the ID is the digest of the configuration, which proves everything. In containerd's it is that of a
/// manifest; there the layers are compared, and what ship knows of the configuration.
fn differs(wanted: &Image, seen: &ImageInspect, engine: &Facts) -> Option<String> {
    let id = seen.id.as_deref().unwrap_or_default();
    if id == wanted.digest.as_str() {
        return None;
    }
    if !engine.containerd_store {
        return Some(format!("its configuration is {id}"));
    }
    let layers = seen.root_fs.as_ref().and_then(|root| root.layers.clone()).unwrap_or_default();
    if !layers.iter().map(String::as_str).eq(wanted.layers.iter().map(Digest::as_str)) {
        return Some("it has other layers".to_owned());
    }
    let platform = format!("{}/{}", seen.os.as_deref().unwrap_or(""), seen.architecture.as_deref().unwrap_or(""));
    if !wanted.platform.starts_with(&platform) {
        return Some(format!("it is for {platform}"));
    }
    let config = seen.config.clone().unwrap_or_default();
    if config.user.unwrap_or_default() != wanted.user {
        return Some("it has another user".to_owned());
    }
    let exposed = config.exposed_ports.unwrap_or_default();
    let exposed: BTreeSet<u16> = exposed.iter().filter_map(|port| port.trim_end_matches("/tcp").parse().ok()).collect();
    (exposed != wanted.exposed.iter().copied().collect()).then(|| "it exposes other ports".to_owned())
}
