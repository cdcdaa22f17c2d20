//! `[volumes]`: what survives every release, and where it is mounted.

use crate::config::elements::{number, path, text};
use crate::config::reader::{Complaint, Table, Value, quoted};
use crate::name::VolumeName;
use crate::release::{Mount, MountSource};

/// All mounts, in the order of their targets: what is mounted into another one comes after it.
pub(crate) fn read(root: &Table<'_>) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for entry in root.table("volumes").iter().flat_map(Table::entries) {
        let Some(mount) = mount(&entry) else { continue };
        if mounts.iter().any(|other| other.target == mount.target) {
            entry.complain(Complaint::new(format!("something else is mounted at `{}` already", mount.target)));
        } else {
            mounts.push(mount);
        }
    }
    mounts.sort_by(|one, other| one.target.cmp(&other.target));
    mounts
}

fn mount(entry: &Value<'_>) -> Option<Mount> {
    let name = text::parse_name::<VolumeName>(&entry.key).map_err(|complaint| entry.complain_of_key(complaint)).ok();
    let Some(table) = entry.table() else {
        let target = entry.read(target)?;
        return Some(Mount { source: MountSource::Volume(name?), target, read_only: false });
    };
    if table.get("path").is_none() {
        let hint = format!("write {} = {{ path = \"/…\" }}", entry.key);
        table.missing("path", Complaint::new("it is missing: where is it mounted?").hint(hint));
    }
    let target = table.read("path", path::absolute);
    let from = table.get("from").map(|value| value.read(path::absolute).map(MountSource::Directory));
    let read_only = table.read("read_only", number::flag).unwrap_or(false);
    let source = from.unwrap_or_else(|| name.map(MountSource::Volume));
    Some(Mount { source: source?, target: target?, read_only })
}

fn target(value: &Value<'_>) -> Result<String, Complaint> {
    let Some(text) = value.text() else {
        return Err(Complaint::expected("an absolute path such as \"/data\", or a table", value));
    };
    // What Docker and Compose write in one string.
    if let Some((source, target)) = text.split_once(':').filter(|(source, _)| source.starts_with('/')) {
        let target = target.trim_end_matches(":ro");
        let hint = format!("write {} = {{ path = {}, from = {} }}", value.key, quoted(target), quoted(source));
        return Err(Complaint::new("a directory of the host is given in a key of its own").hint(hint));
    }
    path::absolute(value)
}
