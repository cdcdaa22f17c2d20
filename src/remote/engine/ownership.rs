//! A new volume belongs to root, which an app that does not run as root cannot write to. Its root directory is given
//! to the container's user through the archive API, which works before the container was ever started and needs
//! nothing inside the image.

use std::io;

use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder};
use futures_util::TryStreamExt;
use tar::{Archive, Builder, EntryType, Header};

use super::fault::Fault;
use super::{DockerEngine, PATIENCE, within};
use crate::ports::{PortError, PortResult};

/// What a directory gets that has nothing better.
const MODE: u32 = 0o755;

/// User and group as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u64,
    pub(super) gid: u64,
}

/// A name that the image's own files do not know.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file} of the image has no {name}")]
pub(super) struct Unknown {
    file: &'static str,
    name: String,
}

impl DockerEngine {
    pub(super) async fn give_volume(&self, container: &str, target: &str) -> PortResult<()> {
        let doing = || format!("give the volume at {target} of {container} on {} to its user", self.host);
        let fault = |fault: Fault| fault.doing(doing());
        let seen = self.inspect(container).await.map_err(fault)?;
        let user = seen.config.and_then(|config| config.user).unwrap_or_default();
        if matches!(user.split(':').next(), None | Some("" | "0" | "root")) {
            return Ok(());
        }
        let (users, groups, mode) = tokio::try_join!(
            self.file_of(container, "/etc/passwd"),
            self.file_of(container, "/etc/group"),
            self.mode_of(container, target),
        )
        .map_err(fault)?;
        let owner = resolve(&user, &users, &groups).map_err(|unknown| {
            PortError::refused(doing(), unknown)
                .hint("USER 1000:1000              # in the Dockerfile: numbers always work")
        })?;
        let (parent, archive) = directory(target, owner, mode).map_err(|error| PortError::refused(doing(), error))?;
        let options = UploadToContainerOptionsBuilder::new().path(&parent).build();
        let upload = self.docker.upload_to_container(container, Some(options), bollard::body_full(archive.into()));
        within(PATIENCE, upload).await.map_err(fault)
    }

    /// A file of a container; empty if it has none.
    async fn file_of(&self, container: &str, path: &str) -> Result<String, Fault> {
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        let archive = self.docker.download_from_container(container, Some(options)).try_fold(
            Vec::new(),
            |mut all: Vec<u8>, bytes| async move {
                all.extend_from_slice(&bytes);
                Ok(all)
            },
        );
        match within(PATIENCE, archive).await {
            Ok(archive) => first_file(&archive).map_err(|error| Fault::Unusable(Box::new(error))),
            Err(Fault::Answered { status: 404, .. }) => Ok(String::new()),
            Err(fault) => Err(fault),
        }
    }

    /// The mode of a directory of a container: what an image shipped at the target has been copied into the volume.
    async fn mode_of(&self, container: &str, path: &str) -> Result<u32, Fault> {
        let info = self.docker.get_container_archive_info(
            container,
            Some(bollard::query_parameters::ContainerArchiveInfoOptionsBuilder::new().path(path).build()),
        );
        match within(PATIENCE, info).await {
            // Go keeps the kind of a file in the high bits.
            Ok(info) => Ok(info.file_mode & 0o777),
            Err(Fault::Answered { status: 404, .. }) => Ok(MODE),
            Err(fault) => Err(fault),
        }
    }
}

fn first_file(archive: &[u8]) -> io::Result<String> {
    let mut archive = Archive::new(archive);
    let Some(entry) = archive.entries()?.next() else { return Ok(String::new()) };
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut entry?, &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// An archive with one directory and no content, and where it is unpacked: in the parent, because engines pass over the
/// entry `./`.
fn directory(target: &str, owner: Owner, mode: u32) -> io::Result<(String, Vec<u8>)> {
    let target = target.trim_end_matches('/');
    let (parent, name) = target.rsplit_once('/').unwrap_or(("", target));
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Directory);
    header.set_mode(mode);
    header.set_uid(owner.uid);
    header.set_gid(owner.gid);
    header.set_size(0);
    let mut archive = Builder::new(Vec::new());
    archive.append_data(&mut header, format!("{name}/"), io::empty())?;
    Ok((if parent.is_empty() { "/".to_owned() } else { parent.to_owned() }, archive.into_inner()?))
}

/// The numbers of a user as an image names it (`USER`, or `user` of a role): `app`, `1000`, `app:staff`, `1000:1000`.
/// A number needs no entry; its group is then the one of its entry, or root, as the engine has it.
pub(super) fn resolve(user: &str, users: &str, groups: &str) -> Result<Owner, Unknown> {
    let (user, group) = user.split_once(':').map_or((user, None), |(user, group)| (user, Some(group)));
    let entry = find(users, user, true);
    let uid = match (user.parse(), entry.as_ref()) {
        (Ok(number), _) => number,
        (Err(_), Some(entry)) => entry.0,
        (Err(_), None) => return Err(Unknown { file: "/etc/passwd", name: user.to_owned() }),
    };
    let gid = match group.filter(|group| !group.is_empty()) {
        None => entry.map_or(0, |entry| entry.1),
        Some(group) => match (group.parse(), find(groups, group, false)) {
            (Ok(number), _) => number,
            (Err(_), Some(entry)) => entry.0,
            (Err(_), None) => return Err(Unknown { file: "/etc/group", name: group.to_owned() }),
        },
    };
    Ok(Owner { uid, gid })
}

/// The third and fourth field of the entry with this name, or for users also with this number.
fn find(file: &str, name: &str, or_number: bool) -> Option<(u64, u64)> {
    file.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let number = fields.get(2)?.parse().ok()?;
        let wanted = fields.first() == Some(&name) || (or_number && fields.get(2) == Some(&name));
        let next = fields.get(3).and_then(|field| field.parse().ok()).unwrap_or(0);
        wanted.then_some((number, next))
    })
}
