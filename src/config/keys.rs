//! Every key of `ship.toml` in one table: the reader refuses what is not in it, the editor's schema is made from it,
//! and a test holds `config/ship.toml` to it. So a key cannot exist without being documented.

use super::reader::near_miss;

/// A key, its form and what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Where it stands; `*` is a name that the user chooses: `roles.*.port`.
    pub path: &'static str,
    /// What may be written.
    pub kind: Kind,
    /// One sentence for the editor.
    pub about: &'static str,
}

/// What may be written for a key. The element parsers say it more exactly; an editor needs no more than this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A table with keys of ship's.
    Table,
    /// A table whose keys the user chooses.
    Names,
    /// A string.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number from the first to the second.
    Whole(u32, u32),
    /// Any number.
    Number,
    /// A string such as `10s`, `500ms` or `2m`.
    Span,
    /// A string such as `512m`.
    Size,
    /// An array of strings.
    List,
    /// A string, or an array of strings.
    TextOrList,
    /// A string, or a table with keys of ship's.
    TextOrTable,
}

const fn key(path: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { path, kind, about }
}

/// All keys, each after the table that it stands in.
pub const KEYS: &[Key] = &[
    key("app", Kind::Text, "The app's name; it prefixes everything on a host."),
    key("image", Kind::Text, "An image that exists locally, instead of building one."),
    key("keep", Kind::Whole(1, 100), "How many releases a host keeps for rollback beside the live one."),
    key("build", Kind::Table, "How the image is built."),
    key("build.context", Kind::Text, "The directory that is sent to the builder."),
    key("build.dockerfile", Kind::Text, "The Dockerfile, seen from the context."),
    key("build.target", Kind::Text, "The stage of a multi-stage Dockerfile to stop at."),
    key("build.platform", Kind::Text, "What to build for; by default what the hosts are."),
    key("build.args", Kind::Names, "Build arguments (ARG). They stay readable in the image: no secrets."),
    key("build.args.*", Kind::Text, "The argument's value."),
    key("hosts", Kind::Names, "The servers, by names that you choose."),
    key("hosts.*", Kind::Table, "A server."),
    key("hosts.*.address", Kind::Text, "Where SSH reaches it: an IP address, a DNS name or a Host of ~/.ssh/config."),
    key("hosts.*.user", Kind::Text, "Who to log in as."),
    key("hosts.*.port", Kind::Whole(1, 65535), "The port of its SSH server."),
    key("hosts.*.fingerprint", Kind::Text, "The SHA-256 fingerprint of its host key, where nobody can be asked."),
    key("roles", Kind::Names, "The kinds of processes of the app, by names that you choose."),
    key("roles.*", Kind::Table, "A kind of process."),
    key("roles.*.hosts", Kind::List, "The hosts that run it."),
    key("roles.*.command", Kind::List, "Replaces the image's CMD."),
    key("roles.*.replicas", Kind::Whole(0, 100), "How many containers on each of its hosts; 0 leaves the role out."),
    key("roles.*.port", Kind::Whole(1, 65535), "The port that the process listens on inside its container."),
    key("roles.*.memory", Kind::Size, "Memory limit of a container."),
    key("roles.*.cpus", Kind::Number, "CPU limit of a container, in CPUs."),
    key("roles.*.user", Kind::Text, "Who the process runs as."),
    key("roles.*.stop_signal", Kind::Text, "How a container is asked to stop."),
    key("roles.*.stop_timeout", Kind::Span, "How long it may take to stop before it is killed."),
    key("roles.*.env", Kind::Names, "Environment of this role alone; wins over [env]."),
    key("roles.*.env.*", Kind::Text, "The variable's value."),
    key("roles.*.health", Kind::Table, "When a container counts as healthy: path, command or stays_up."),
    key("roles.*.health.path", Kind::Text, "It answers GET on this path with a status from 200 to 299."),
    key("roles.*.health.command", Kind::List, "This command exits with 0 inside the container."),
    key("roles.*.health.stays_up", Kind::Span, "It has run this long without exiting."),
    key("roles.*.health.interval", Kind::Span, "The longest pause between two tries."),
    key("roles.*.health.timeout", Kind::Span, "How long one try may take."),
    key("roles.*.health.deadline", Kind::Span, "How long a container has in all, from its start."),
    key("proxy", Kind::Table, "How requests reach the app."),
    key("proxy.role", Kind::Text, "The role that takes the requests."),
    key("proxy.domains", Kind::List, "The names that the app answers to; none: every name that no other app has."),
    key("proxy.path_prefix", Kind::Text, "Only paths below this one belong to the app."),
    key("proxy.strip_prefix", Kind::Flag, "Whether the prefix is taken off before the app sees the request."),
    key("proxy.tls", Kind::TextOrTable, "\"off\", or the files of a certificate that you have."),
    key("proxy.tls.certificate", Kind::Text, "File with the certificate chain in PEM, leaf first."),
    key("proxy.tls.key", Kind::Text, "File with its private key in PEM."),
    key("proxy.drain", Kind::Span, "How long requests on the old release may go on after a switch."),
    key("proxy.response_timeout", Kind::Span, "How long the app may take until the first byte of an answer."),
    key("volumes", Kind::Names, "What survives every release, by names that you choose."),
    key("volumes.*", Kind::TextOrTable, "Where it is mounted."),
    key("volumes.*.path", Kind::Text, "Where it is mounted in the container."),
    key("volumes.*.from", Kind::Text, "A directory of the host instead of a volume."),
    key("volumes.*.read_only", Kind::Flag, "Whether the app may only read it."),
    key("env", Kind::Names, "Environment of all roles; not secret."),
    key("env.*", Kind::Text, "The variable's value."),
    key("secrets", Kind::Names, "Environment that is secret: where each value is read from at deploy."),
    key("secrets.*", Kind::Table, "Where the value comes from: file, env or command."),
    key("secrets.*.file", Kind::Text, "The content of this file without a newline at its end."),
    key("secrets.*.env", Kind::Text, "This variable of your own environment."),
    key("secrets.*.command", Kind::TextOrList, "What this command prints, without a newline at its end."),
    key("release", Kind::Table, "What runs once per deploy."),
    key("release.command", Kind::List, "Runs in the new image with its environment, before any traffic."),
    key("console", Kind::Table, "What `ship console` opens."),
    key("console.command", Kind::List, "The command that it runs."),
    key("deploy", Kind::Table, "How a deploy behaves."),
    key("deploy.lease_wait", Kind::Span, "How long to wait for someone else's deploy to end."),
    key("environments", Kind::Names, "Variants; what is written under one wins over what is written above."),
    key("environments.*", Kind::Table, "Any key but `environments` again."),
];

/// What other tools call it, or what one writes first, and what it is called here.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("service", "app"),
    ("name", "app"),
    ("servers", "hosts"),
    ("server", "hosts"),
    ("services", "roles"),
    ("processes", "roles"),
    ("environment", "env"),
    ("env_vars", "env"),
    ("variables", "env"),
    ("destinations", "environments"),
    ("cmd", "command"),
    ("healthcheck", "health"),
    ("host", "domains"),
    ("hostname", "domains"),
    ("domain", "domains"),
    ("ssl", "tls"),
    ("https", "tls"),
    ("cpu", "cpus"),
    ("mem_limit", "memory"),
    ("instances", "replicas"),
    ("scale", "replicas"),
    ("app_port", "port"),
    ("retain_containers", "keep"),
    ("mounts", "volumes"),
    ("ip", "address"),
    ("target", "path"),
    ("key_file", "key"),
    ("cert", "certificate"),
];

/// The entry for a pattern such as `roles.*.port`.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The keys that may stand directly in the table `parent` (empty for the top level): their last parts.
pub fn children(parent: &str) -> impl Iterator<Item = &'static str> + Clone + use<> {
    let prefix = if parent.is_empty() { String::new() } else { format!("{parent}.") };
    KEYS.iter().filter_map(move |key| key.path.strip_prefix(&prefix)).filter(|rest| !rest.contains('.'))
}

/// The pattern of `written` in the table `parent`, or `None` if there is no such key. Under an environment all keys of
/// the top level may stand; they keep the patterns that they have there.
pub(super) fn child(parent: &str, written: &str) -> Option<String> {
    let join = |last: &str| if parent.is_empty() { last.to_owned() } else { format!("{parent}.{last}") };
    let named = || children(parent).any(|known| known == "*").then(|| join("*"));
    children(parent).find(|known| *known == written && *known != "*").map(join).or_else(named)
}

/// What to do about a key that does not exist in the table `parent`.
pub(super) fn advice(parent: &str, written: &str) -> String {
    if let Some(known) = near_miss(written, children(parent)) {
        return format!("did you mean `{known}`?");
    }
    let here = |name: &&(&str, &str)| name.0 == written && children(parent).any(|known| known == name.1);
    if let Some((_, known)) = OTHER_NAMES.iter().find(here) {
        return format!("it is called `{known}` here");
    }
    let elsewhere = KEYS.iter().find_map(|key| key.path.strip_suffix(written)?.strip_suffix('.'));
    if let Some(table) = elsewhere {
        return format!("it belongs under [{}]", table.replace('*', "NAME"));
    }
    let known: Vec<&str> = children(parent).collect();
    let place = if parent.is_empty() { "at the top level" } else { "here" };
    format!("known {place}: {}", known.join(", "))
}
