//! `[deploy]`: how a deploy behaves.

use std::time::Duration;

use crate::config::Deploy;
use crate::config::elements::duration;
use crate::config::reader::Table;

/// Long enough for the deploy before in a pipeline, short enough that a person still watches.
const LEASE_WAIT: Duration = Duration::from_mins(1);

/// What the file says, or these.
pub(crate) fn read(root: &Table<'_>) -> Deploy {
    let table = root.table("deploy");
    let table = table.as_ref();
    Deploy { lease_wait: table.and_then(|table| table.read("lease_wait", duration::any)).unwrap_or(LEASE_WAIT) }
}
