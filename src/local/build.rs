//! `docker build` of the working tree. Everything that makes a build what it is stays Docker's: the cache,
//! `.dockerignore`, the builder. Only the image's ID comes back.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::config::Build;
use crate::diagnostic::Hint;
use crate::local::docker::{Docker, DockerError};
use crate::local::process::ProcessError;
use crate::ports::OnLine;

/// What to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRequest {
    /// The directory that is sent to the builder.
    pub context: PathBuf,
    /// The Dockerfile.
    pub dockerfile: PathBuf,
    /// Build arguments. They are no secrets: Docker keeps them in the image's history.
    pub args: BTreeMap<String, String>,
    /// The stage to build; `None` for the last one.
    pub target: Option<String>,
    /// `linux/amd64`; `None` for the engine's own.
    pub platform: Option<String>,
    /// The tag that moves to the new image, so that the user finds it and Docker does not count it as dangling.
    pub tag: String,
}

impl BuildRequest {
    /// What the configuration of a project asks for. `platform` is what the hosts are, for a configuration that leaves
    /// it open.
    pub fn new(project: &Path, build: &Build, platform: Option<&str>, tag: String) -> Self {
        Self {
            context: project.join(&build.context),
            dockerfile: project.join(&build.dockerfile),
            args: build.args.clone(),
            target: build.target.clone(),
            platform: build.platform.clone().or_else(|| platform.map(str::to_owned)),
            tag,
        }
    }
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The build context is not there.
    #[error("build: there is no directory {}", .0.display())]
    NoContext(PathBuf),
    /// The Dockerfile is not there.
    #[error("build: there is no {}", .0.display())]
    NoDockerfile(PathBuf),
    /// The build failed; its last lines say why.
    #[error("the build failed")]
    Failed(#[source] ProcessError),
    /// Docker cannot be used.
    #[error(transparent)]
    Docker(DockerError),
    /// The build was done, and the engine does not have the image: another builder keeps it.
    #[error("the image was built, but Docker did not take it in")]
    NotLoaded,
    /// The image's ID could not be taken over.
    #[error("read the ID of the image that was built")]
    Id(#[source] io::Error),
}

impl BuildError {
    /// The last lines of the build's output.
    pub fn output(&self) -> &[String] {
        match self {
            Self::Failed(error) => error.lines(),
            _ => &[],
        }
    }
}

impl Hint for BuildError {
    fn hints(&self) -> Vec<String> {
        match self {
            Self::NoContext(_) => vec!["set `build.context` in ship.toml".to_owned()],
            Self::NoDockerfile(_) => vec![
                "set `build.dockerfile` in ship.toml".to_owned(),
                "or deploy an image that is already here: ship deploy --image REF".to_owned(),
            ],
            Self::Failed(error) => known_cause(&error.lines().join("\n")).map(str::to_owned).into_iter().collect(),
            Self::Docker(error) => error.hints(),
            Self::NotLoaded => vec!["unset BUILDX_BUILDER; docker buildx use default".to_owned()],
            Self::Id(_) => Vec::new(),
        }
    }
}

/// Advice for failures whose own words do not say what to do.
fn known_cause(words: &str) -> Option<&'static str> {
    let known: [(&[&str], &str); 4] = [
        (
            &["requires BuildKit", "BuildKit is enabled but the buildx component is missing"],
            "the Dockerfile needs BuildKit: install its client plugin (docker-buildx, or docker-buildx-plugin)",
        ),
        (&["no space left on device"], "docker system df; docker builder prune"),
        (
            &["exec format error"],
            "the image is for another processor: install emulation (qemu-user-static), or build for this machine's platform",
        ),
        (
            &["target stage", "failed to reach build target"],
            "set `build.target` in ship.toml to a stage of the Dockerfile",
        ),
    ];
    known.into_iter().find(|(signs, _)| signs.iter().any(|sign| words.contains(sign))).map(|(_, advice)| advice)
}

/// Builds and gives the image's ID, as [`LocalImage::open`](crate::local::image::LocalImage::open) takes it. The
/// output of the build is told line by line.
pub async fn build(docker: &Docker, request: &BuildRequest, tell: OnLine<'_>) -> Result<String, BuildError> {
    if !request.context.is_dir() {
        return Err(BuildError::NoContext(request.context.clone()));
    }
    if !request.dockerfile.is_file() {
        return Err(BuildError::NoDockerfile(request.dockerfile.clone()));
    }
    let directory = PrivateDirectory::create(&std::env::temp_dir()).map_err(BuildError::Id)?;
    let id_file = directory.0.join("image-id");
    let program = docker
        .command("docker build", arguments(request))
        .arg("--iidfile")
        .arg(&id_file)
        .arg("--")
        .arg(&request.context)
        // Lines instead of a screen that redraws itself.
        .env("BUILDKIT_PROGRESS", "plain")
        // Attestations would make an index of two manifests out of every image.
        .env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
    program.lines(tell).await.map_err(|error| match DockerError::from_process(error) {
        DockerError::Process(error @ ProcessError::Failed { .. }) => BuildError::Failed(error),
        other => BuildError::Docker(other),
    })?;
    let id = fs::read_to_string(id_file).map_err(BuildError::Id)?;
    image_id(docker, id.trim(), &request.tag).await
}

/// The ID by which the engine knows the image. The newer builder writes the digest of the configuration even where the
/// containerd store does not know images by that, so the tag has the last word.
async fn image_id(docker: &Docker, id: &str, tag: &str) -> Result<String, BuildError> {
    for name in [id, tag] {
        match docker.image_id(name).await {
            Ok(id) => return Ok(id),
            Err(DockerError::NoImage { .. }) => {}
            Err(error) => return Err(BuildError::Docker(error)),
        }
    }
    Err(BuildError::NotLoaded)
}

fn arguments(request: &BuildRequest) -> Vec<String> {
    let mut arguments = vec!["build".to_owned(), format!("--file={}", request.dockerfile.display())];
    arguments.extend(request.args.iter().map(|(name, value)| format!("--build-arg={name}={value}")));
    arguments.extend(request.target.iter().map(|target| format!("--target={target}")));
    arguments.extend(request.platform.iter().map(|platform| format!("--platform={platform}")));
    arguments.push(format!("--tag={}", request.tag));
    arguments
}

/// A directory of ours alone in a place where others may write too; gone with its content when dropped.
struct PrivateDirectory(PathBuf);

impl PrivateDirectory {
    fn create(parent: &Path) -> io::Result<Self> {
        let process = std::process::id();
        let mut number = 0_u32;
        loop {
            let path = parent.join(format!("ship-build-{process}-{number}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1000 => number += 1,
                created => return created.map(|()| Self(path)),
            }
        }
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        // Left over, it is a small file in a directory that the system empties.
        let _ = fs::remove_dir_all(&self.0);
    }
}
