//! `[hosts]`: the servers.

use std::collections::BTreeMap;

use crate::config::Host;
use crate::config::elements::{address, fingerprint, number, text};
use crate::config::reader::{Complaint, Table, Value, quoted};
use crate::name::HostName;

/// All hosts; a file without one has nowhere to deploy to.
pub(crate) fn read(root: &Table<'_>) -> BTreeMap<HostName, Host> {
    let hint = "write [hosts.web-1] and below it address = \"203.0.113.7\"";
    let Some(hosts) = root.get("hosts") else {
        root.missing("hosts", Complaint::new("there is no host to deploy to").hint(hint));
        return BTreeMap::new();
    };
    let Some(table) = hosts.table() else {
        hosts.complain(Complaint::expected("a table of hosts", &hosts).hint(hint));
        return BTreeMap::new();
    };
    if table.entries().next().is_none() {
        table.complain(Complaint::new("there is no host to deploy to").hint(hint));
    }
    table.entries().filter_map(|entry| host(&entry)).collect()
}

fn host(entry: &Value<'_>) -> Option<(HostName, Host)> {
    let name =
        text::parse_name::<HostName>(&entry.key).map_err(|complaint| entry.complain_of_key(named(entry, complaint)));
    let Some(table) = entry.table() else {
        let hint = entry.text().map(|text| format!("write {} = {{ address = {} }}", entry.key, quoted(text)));
        entry.complain(Complaint::expected("a table", entry).maybe_hint(hint));
        return None;
    };
    let host = Host {
        // As with `ssh web-1`: the name may well be a Host of ~/.ssh/config.
        address: table.read("address", address::address).unwrap_or_else(|| entry.key.clone()),
        user: table.read("user", text::word),
        port: table.read("port", number::whole(1, u16::MAX)),
        fingerprint: table.read("fingerprint", fingerprint::fingerprint),
    };
    Some((name.ok()?, host))
}

/// Whoever writes an address for a name wants to be told where the address goes.
fn named(entry: &Value<'_>, complaint: Complaint) -> Complaint {
    if entry.key.contains(['.', ':']) {
        return complaint
            .hint(format!("call it as you like: [hosts.web-1] and below it address = {}", quoted(&entry.key)));
    }
    complaint
}
