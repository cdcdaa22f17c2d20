//! An image in the local engine: what it is, at once; what a host lacks of it, when a host lacks something.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::archive::{Contents, LayerEntry};
use super::cache::{Known, LayerCache};
use super::compress::gzip;
use super::document::{Documents, configurations};
use super::facts::{ImageFacts, Inspected};
use super::parcel::{Parcel, Piece};
use super::save::{self, SaveError, Wanted};
use crate::diagnostic::Hint;
use crate::local::docker::{Docker, DockerError};
use crate::local::process::Streaming;
use crate::name::{Digest, NameError};

/// Told how many bytes were read from the engine, and of how many, about.
pub type OnRead<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// How often a reader of progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Why an image cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The engine does not have it, or does not answer.
    #[error(transparent)]
    Docker(#[from] DockerError),
    /// It is there, but for other platforms only.
    #[error("image `{reference}` is for {}, not for {wanted}", found.join(", "))]
    Platform {
        /// The image.
        reference: String,
        /// The platform that was asked for.
        wanted: String,
        /// The platforms that there are.
        found: Vec<String>,
    },
    /// The engine gives the image an identifier that is no digest.
    #[error("Docker calls image `{reference}` by an ID that ship does not understand")]
    Id {
        /// The image.
        reference: String,
        /// The reason.
        #[source]
        source: NameError,
    },
    /// What the engine saved cannot be read.
    #[error("read image `{reference}` from Docker")]
    Read {
        /// The image.
        reference: String,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The engine saved an image without all of its parts.
    #[error("Docker saved image `{reference}` without {what}")]
    Incomplete {
        /// The image.
        reference: String,
        /// The missing part.
        what: String,
    },
    /// The cache cannot be used.
    #[error("keep compressed layers in {}", directory.display())]
    Cache {
        /// Where it is.
        directory: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

impl Hint for ImageError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::Docker(error) => error.hints(),
            Self::Platform { reference, wanted, .. } => vec![
                format!("set `build.platform = \"{wanted}\"` in ship.toml"),
                format!("docker pull --platform {wanted} {reference}"),
            ],
            Self::Incomplete { reference, .. } => {
                vec![format!("docker pull {reference}, or build it again: this engine has only a part of it")]
            }
            Self::Cache { directory, .. } => {
                vec![format!("make room in {}, or set XDG_CACHE_HOME to another place", directory.display())]
            }
            Self::Id { .. } | Self::Read { .. } => Vec::new(),
        }
    }
}

/// An image of the local engine.
#[derive(Debug)]
pub struct LocalImage {
    docker: Docker,
    cache: LayerCache,
    /// As the user or the builder called it.
    reference: String,
    /// The engine's identifier: the tag may move while ship works, this does not.
    id: Digest,
    /// What the engine would save, about.
    size: u64,
    /// To be saved alone, where the engine can do that.
    platform: Option<String>,
    facts: ImageFacts,
    /// Held while the engine is read: another host that lacks the same waits for the cache instead.
    reading: Mutex<()>,
}

impl LocalImage {
    /// Finds an image by reference or ID and learns what it is. Layers are not read where the engine identifies images
    /// by their configuration; otherwise (the containerd store) the image is read once, which also fills the cache.
    /// `platform` decides among several; without it the only one or this machine's is taken.
    pub async fn open(
        docker: &Docker,
        cache: &LayerCache,
        reference: &str,
        platform: Option<&str>,
        tell: OnRead<'_>,
    ) -> Result<Self, ImageError> {
        let (inspected, classic) = tokio::join!(inspect(docker, reference), docker.is_classic());
        let inspected = inspected?;
        let id_error = |source| ImageError::Id { reference: reference.to_owned(), source };
        let id = inspected.digest().map_err(id_error)?;
        let size = inspected.size;
        let facts = ImageFacts::from_inspected(inspected).map_err(id_error)?;
        let reading = Mutex::new(());
        let (docker, cache, reference) = (docker.clone(), cache.clone(), reference.to_owned());
        let mut image = Self { docker, cache, reference, id, size, platform: None, facts, reading };
        if classic {
            image.check_platform(platform)?;
        } else {
            image.learn(platform, tell).await?;
        }
        Ok(image)
    }

    /// What it is.
    pub fn facts(&self) -> &ImageFacts {
        &self.facts
    }

    /// What a host lacks that has these layer chains (lowest first), to be loaded under `reference`. Only a common
    /// beginning counts: engines know a layer by all that is below it.
    pub async fn parcel(&self, have: &[&[Digest]], reference: &str, tell: OnRead<'_>) -> Result<Parcel, ImageError> {
        let layers = &self.facts.layers;
        let common = |chain: &&[Digest]| layers.iter().zip(*chain).take_while(|(ours, theirs)| ours == theirs).count();
        let present = have.iter().map(common).max().unwrap_or(0);
        let lacking: BTreeSet<Digest> = layers.iter().skip(present).cloned().collect();
        let _reading = self.reading.lock().await;
        if let Ok(parcel) = self.assemble(&lacking, reference)? {
            return Ok(parcel);
        }
        let documents = self.read(Wanted::Only(lacking.clone()), tell).await?;
        self.keep_configurations(&documents)?;
        self.assemble(&lacking, reference)?.map_err(|what| self.incomplete(what))
    }

    fn check_platform(&self, wanted: Option<&str>) -> Result<(), ImageError> {
        match wanted {
            Some(wanted) if wanted != self.facts.platform => {
                Err(self.other_platform(wanted, vec![self.facts.platform.clone()]))
            }
            _ => Ok(()),
        }
    }

    /// Takes the facts from the configuration itself, out of the cache or out of the image.
    async fn learn(&mut self, wanted: Option<&str>, tell: OnRead<'_>) -> Result<(), ImageError> {
        let name = format!("{}-{}", self.id.hex(), wanted.unwrap_or("any").replace('/', "-"));
        let known = self.cache.known(&name).and_then(|known| self.cache.config(&known.digest));
        if let Some(facts) = known.and_then(|config| ImageFacts::from_config(&config).ok()) {
            self.facts = facts;
            self.platform = wanted.map(str::to_owned);
            return Ok(());
        }
        if wanted.is_some() && self.docker.saves_one_platform().await {
            self.platform = wanted.map(str::to_owned);
        }
        let documents = self.read(Wanted::All, tell).await?;
        self.keep_configurations(&documents)?;
        let images = configurations(&documents).into_iter().map(|(facts, _)| facts).collect();
        self.facts = self.choose(images, wanted)?;
        let known = Known { digest: self.facts.digest.clone(), size: 0 };
        self.cache.remember(&name, &known).map_err(|source| self.cache_error(source))
    }

    fn choose(&self, images: Vec<ImageFacts>, wanted: Option<&str>) -> Result<ImageFacts, ImageError> {
        let found: Vec<String> = images.iter().map(|image| image.platform.clone()).collect();
        let own = own_platform();
        let preferred = wanted.unwrap_or(&own);
        let (mut right, mut others): (Vec<_>, Vec<_>) =
            images.into_iter().partition(|image| image.platform == preferred);
        match (right.pop(), others.pop(), wanted) {
            (Some(image), _, _) | (None, Some(image), None) => Ok(image),
            (None, Some(_), Some(wanted)) => Err(self.other_platform(wanted, found)),
            (None, None, _) => Err(self.incomplete("its configuration".to_owned())),
        }
    }

    /// Reads the image from the engine; what of it is wanted is in the cache afterwards.
    async fn read(&self, wanted: Wanted, tell: OnRead<'_>) -> Result<Documents, ImageError> {
        let program = self.docker.command("docker save", ["save", self.id.as_str()]);
        let platform = self.platform.iter().map(|platform| format!("--platform={platform}"));
        let (pipe, streaming) = program.args(platform).streaming().map_err(DockerError::from_process)?;
        let progress = Arc::new(AtomicU64::new(0));
        let (cache, counted) = (self.cache.clone(), Arc::clone(&progress));
        let reader = tokio::task::spawn_blocking(move || save::read(pipe, &cache, &wanted, &counted));
        let documents =
            self.finish(watched(reader, || tell(progress.load(Ordering::Relaxed), self.size)).await, streaming);
        let documents = documents.await?;
        self.cache.prune(&self.facts.layers).map_err(|source| self.cache_error(source))?;
        Ok(documents)
    }

    /// Of two failures, the one that caused the other: a reader that stops breaks the writer's pipe, a writer that
    /// stops leaves the reader with half an archive.
    async fn finish(
        &self,
        read: io::Result<Result<Documents, SaveError>>,
        streaming: Streaming,
    ) -> Result<Documents, ImageError> {
        let read = read.unwrap_or_else(|source| Err(SaveError::Archive(source)));
        if let Err(SaveError::Cache(source)) = read {
            return Err(self.cache_error(source));
        }
        streaming.finish().await.map_err(DockerError::from_process)?;
        read.map_err(|error| match error {
            SaveError::Archive(source) => ImageError::Read { reference: self.reference.clone(), source },
            SaveError::Cache(source) => self.cache_error(source),
        })
    }

    fn keep_configurations(&self, documents: &Documents) -> Result<(), ImageError> {
        for (_, config) in configurations(documents) {
            self.cache.keep_config(&config).map_err(|source| self.cache_error(source))?;
        }
        Ok(())
    }

    /// Puts a parcel together from the cache, or says what is not there.
    fn assemble(&self, lacking: &BTreeSet<Digest>, reference: &str) -> Result<Result<Parcel, String>, ImageError> {
        let Some(config) = self.cache.config(&self.facts.digest) else {
            return Ok(Err("its configuration".to_owned()));
        };
        let mut layers = Vec::new();
        for digest in &self.facts.layers {
            let Some(known) = self.cache.known(digest.hex()) else { return Ok(Err(format!("layer {digest}"))) };
            layers.push(LayerEntry { digest: known.digest, size: known.size });
        }
        let contents = Contents { reference, config: &config, layers: &layers };
        match self.pieces(&contents, lacking) {
            Ok(Some(pieces)) => Ok(Ok(Parcel::new(lacking.len(), layers.len(), pieces))),
            Ok(None) => Ok(Err("a layer".to_owned())),
            Err(source) => Err(self.cache_error(source)),
        }
    }

    /// The stream: what stands between two layers is one small gzip member. `None` if a layer is not in the cache.
    fn pieces(&self, contents: &Contents<'_>, lacking: &BTreeSet<Digest>) -> io::Result<Option<Vec<Piece>>> {
        let (mut pieces, mut between, mut sent) = (Vec::new(), Vec::new(), BTreeSet::new());
        for layer in contents.layers {
            // The same layer may occur twice in an image.
            if !lacking.contains(&layer.digest) || !sent.insert(&layer.digest) {
                continue;
            }
            let Some(file) = self.cache.layer(&layer.digest) else { return Ok(None) };
            between.extend(layer.header()?);
            pieces.push(Piece::Memory(gzip(&between).into()));
            pieces.push(Piece::File { size: file.metadata()?.len(), file });
            between = layer.padding();
        }
        between.extend(contents.tail()?);
        pieces.push(Piece::Memory(gzip(&between).into()));
        Ok(Some(pieces))
    }

    fn other_platform(&self, wanted: &str, found: Vec<String>) -> ImageError {
        ImageError::Platform { reference: self.reference.clone(), wanted: wanted.to_owned(), found }
    }

    fn incomplete(&self, what: String) -> ImageError {
        ImageError::Incomplete { reference: self.reference.clone(), what }
    }

    fn cache_error(&self, source: io::Error) -> ImageError {
        ImageError::Cache { directory: self.cache.directory().to_owned(), source }
    }
}

/// What the engine says of an image.
async fn inspect(docker: &Docker, reference: &str) -> Result<Inspected, DockerError> {
    let answer = docker.inspect_image(reference, "{{json .}}").await?;
    let unknown = |source| DockerError::Answer { what: "docker image inspect".to_owned(), source };
    serde_json::from_slice(&answer).map_err(unknown)
}

/// Waits for a reader and tells meanwhile.
async fn watched<T>(mut reader: JoinHandle<T>, tell: impl Fn()) -> io::Result<T> {
    loop {
        match tokio::time::timeout(TELL_EVERY, &mut reader).await {
            Ok(ended) => {
                tell();
                return ended.map_err(io::Error::other);
            }
            Err(_) => tell(),
        }
    }
}

/// The platform that this machine's engine would take.
fn own_platform() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("linux/{architecture}")
}
