//! The edge, as traits: what the effects need of the outside world, in the words of the plan. `remote/` and `local/`
//! implement them for real hosts, the tests for a simulated fleet. Everything here may be done twice.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use crate::event::Progress;
use crate::inventory::{Container, Engine as EngineFacts, Proxy};
use crate::name::{Digest, HostName, ReleaseNumber, Scope};
use crate::plan::action::{ContainerSpec, Switch};
use crate::plan::setup::{AccountName, ServerFacts, SetupStep};
use crate::release::{Image, Release, Secrets};

/// A failure at the edge: what was being done, to what, where.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct PortError {
    /// "start blog-production-web-r43-1 on web-1"
    pub doing: String,
    /// Decides what else can be tried.
    pub kind: PortErrorKind,
    /// The reason.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
    /// Commands to type or keys to change.
    pub hints: Vec<String>,
}

/// What kind of failure it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortErrorKind {
    /// The connection to the host is gone: what happened there is unknown.
    Lost,
    /// The host refused or could not do it.
    Refused,
    /// The disk of the host is full.
    DiskFull,
    /// What was to be acted on is not there.
    Missing,
    /// Someone else changed what the plan was made from, or owns what it needs.
    Conflict,
}

impl PortError {
    /// A refusal with its reason.
    pub fn refused(doing: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { doing: doing.into(), kind: PortErrorKind::Refused, source: Some(source.into()), hints: Vec::new() }
    }

    /// The same failure as another kind.
    #[must_use]
    pub fn kind(mut self, kind: PortErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// The same failure with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The whole chain on one line, for events and ledger lines.
    pub fn one_line(&self) -> String {
        let mut text = self.doing.clone();
        let mut source = self.source.as_deref().map(|source| source as &dyn StdError);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

impl crate::diagnostic::Hint for PortError {
    fn hints(&self) -> Vec<String> {
        self.hints.clone()
    }
}

/// Short for what every port answers.
pub type PortResult<T> = Result<T, PortError>;

/// Told how far something is, as often as the edge likes.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Told a line of output.
pub type OnLine<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// What the engine says of an app in one look (one or two round trips).
#[derive(Debug, Clone, PartialEq)]
pub struct EngineView {
    /// The engine.
    pub engine: EngineFacts,
    /// The app's containers.
    pub containers: Vec<Container>,
    /// The app's image tags with the image IDs.
    pub images: BTreeMap<String, String>,
    /// All volumes.
    pub volumes: std::collections::BTreeSet<String>,
    /// Whether the app's network exists.
    pub network: bool,
}

/// A container, looked at closely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerView {
    /// It runs now.
    pub running: bool,
    /// How often the engine started it again.
    pub restarts: u32,
    /// How it ended, if it did.
    pub exit_code: Option<i64>,
    /// The kernel killed it for want of memory.
    pub out_of_memory: bool,
    /// Its address on the app's network.
    pub address: Option<std::net::IpAddr>,
    /// The process's ID on the host.
    pub pid: Option<u32>,
}

/// A socket on which something in a container listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listening {
    /// Reachable only from inside the container (`127.0.0.0/8` or `::1`).
    pub loopback_only: bool,
    /// TCP port.
    pub port: u16,
}

/// How a one-off container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code.
    pub exit_code: i64,
    /// Its last lines, standard output and error as they came.
    pub last_lines: Vec<String>,
}

/// What was sent of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// Layers that were sent.
    pub layers: usize,
    /// Layers of the image in all.
    pub of_layers: usize,
    /// Compressed bytes on the wire.
    pub bytes: u64,
    /// What the host was believed to have was not there, so that the image was sent once more, whole.
    pub again: bool,
}

/// The container engine of one host.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Everything of an app, in one look.
    async fn view(&self, scope: &Scope) -> PortResult<EngineView>;
    /// Makes sure that the image is there under its reference, and proves it by the digest of its configuration.
    /// `chains` are the layer chains that the host is believed to have; what turns out to be missing is sent again.
    async fn push(&self, image: &Image, chains: &[&[Digest]], tell: OnProgress<'_>) -> PortResult<Sent>;
    /// Makes sure that a bridge network exists, labelled as the app's.
    async fn ensure_network(&self, scope: &Scope, name: &str) -> PortResult<()>;
    /// Makes sure that a named volume exists, labelled as the app's.
    async fn ensure_volume(&self, scope: &Scope, name: &str) -> PortResult<()>;
    /// Makes sure that a container exists, made from this specification, not started. One of that name that was made
    /// otherwise is replaced. It is made without a restart policy: see [`Engine::keep_running`].
    async fn create(&self, spec: &ContainerSpec, secrets: &Secrets) -> PortResult<()>;
    /// Gives the root of the volume at `target` of a container that was not started the ownership of the user that the
    /// container runs as. Only for volumes that are new.
    async fn own_volume(&self, container: &str, target: &str) -> PortResult<()>;
    /// Makes sure that a container runs, and looks at it.
    async fn start(&self, container: &str) -> PortResult<ContainerView>;
    /// Looks at a container.
    async fn look(&self, container: &str) -> PortResult<ContainerView>;
    /// Makes sure that a container does not run. It keeps everything else.
    async fn stop(&self, container: &str) -> PortResult<()>;
    /// Makes sure that a container is gone, running or not. Volumes stay.
    async fn remove(&self, container: &str) -> PortResult<()>;
    /// Lets the engine start the container again if it ends or the host reboots.
    async fn keep_running(&self, container: &str) -> PortResult<()>;
    /// Waits until a container has ended.
    async fn ended(&self, container: &str) -> PortResult<Ended>;
    /// Makes, runs and removes a container; its output is told line by line. A container of that name that was left
    /// over is removed first.
    async fn run_once(&self, spec: &ContainerSpec, secrets: &Secrets, tell: OnLine<'_>) -> PortResult<Ended>;
    /// Runs a program inside a running container without a terminal.
    async fn exec(&self, container: &str, command: &[String], limit: Duration) -> PortResult<Ended>;
    /// The last lines of a container's log.
    async fn last_lines(&self, container: &str, count: usize) -> PortResult<Vec<String>>;
    /// What listens inside a running container.
    async fn listening(&self, pid: u32) -> PortResult<Vec<Listening>>;
    /// Makes sure that a tag is gone, with the image if it was its last tag.
    async fn remove_image(&self, reference: &str) -> PortResult<()>;
    /// Makes sure that a network is gone.
    async fn remove_network(&self, name: &str) -> PortResult<()>;
    /// Makes sure that a volume is gone, with its data.
    async fn remove_volume(&self, name: &str) -> PortResult<()>;
}

/// An image on its way to an engine.
pub struct ImageStream {
    /// Bytes that will come, as well as that is known before.
    pub total: u64,
    /// Layers among them.
    pub layers: usize,
    /// An archive that `docker load` takes on every engine, compressed or not.
    pub bytes: BoxStream<'static, io::Result<Bytes>>,
}

/// Where images come from: the engine of this machine.
#[async_trait]
pub trait ImageSource: Send + Sync {
    /// The image, to be loaded under the tag `tag`, without the layers that one of the chains `have` (diff IDs, lowest
    /// first) already holds in the same place. No chains: the image whole.
    async fn stream(&self, image: &Image, tag: &str, have: &[&[Digest]]) -> io::Result<ImageStream>;
}

/// A terminal's size in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Width.
    pub columns: u16,
    /// Height.
    pub rows: u16,
}

/// A program to be run for a person or a pipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    /// Program and arguments.
    pub command: Vec<String>,
    /// With a terminal of this size; without one, standard output and error are apart.
    pub tty: Option<Size>,
    /// Environment beside the container's (`TERM`).
    pub env: BTreeMap<String, String>,
}

/// What the program's standard streams are joined to. With a terminal everything comes through `output`.
pub struct Streams {
    /// `None`: the program has no standard input. Its end is the end of the program's.
    pub input: Option<Box<dyn AsyncRead + Send + Unpin>>,
    /// Standard output.
    pub output: Box<dyn AsyncWrite + Send + Unpin>,
    /// Standard error.
    pub errors: Box<dyn AsyncWrite + Send + Unpin>,
    /// New sizes of the terminal, if there is one.
    pub resized: mpsc::Receiver<Size>,
}

/// Programs run for a person, with all three streams, byte for byte.
#[async_trait]
pub trait Console: Send + Sync {
    /// Runs a program inside a running container; answers its exit code.
    /// The engine has no request that ends such a program: if this is dropped, the program finds its standard input
    /// closed (and its terminal hung up), and it is up to the program to end.
    async fn exec(&self, container: &str, request: &ExecRequest, streams: Streams) -> PortResult<i64>;
    /// The same in a fresh container that is removed afterwards, also when this is dropped. The request's command
    /// replaces that of the specification.
    async fn run_attached(
        &self,
        spec: &ContainerSpec,
        secrets: &Secrets,
        request: &ExecRequest,
        streams: Streams,
    ) -> PortResult<i64>;
}

/// Which lines of a container's log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogRequest {
    /// Go on with new lines until the container ends.
    pub follow: bool,
    /// Only lines since then: seconds since the epoch with up to nine decimals.
    pub since: Option<String>,
    /// Only the last lines of what there is.
    pub tail: Option<usize>,
}

/// A line of a container's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When the engine got it: RFC 3339 in UTC with nine decimals, so that text order is time order.
    pub at: String,
    /// From standard error.
    pub errors: bool,
    /// The line without its end, as the program wrote it.
    pub text: Bytes,
}

/// Containers' logs, also of ended ones.
pub trait Logs: Send + Sync {
    /// The lines in the order in which the engine got them.
    fn lines(&self, container: &str, request: &LogRequest) -> BoxStream<'static, PortResult<LogLine>>;
}

/// A target for traffic: a container's name and where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The container's name, for people.
    pub name: String,
    /// Address and port.
    pub address: std::net::SocketAddr,
}

/// What ship-proxy answers to a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Switched {
    /// The targets passed their checks and have the traffic, on probation.
    Done {
        /// The route's generation now.
        generation: u64,
    },
    /// A target did not pass; the old release still has the traffic.
    NotHealthy(Vec<NotHealthy>),
}

/// What a target that did not pass its health check did last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotHealthy {
    /// The container's name.
    pub target: String,
    /// In words: `GET http://172.18.0.5:3000/up answered 503 for 30 s (12 tries)`.
    pub words: String,
    /// The start of the last answer's body, if there was one.
    pub body: Option<String>,
    /// Nothing listened at the address: worth asking where the app listens instead.
    pub refused: bool,
}

/// What a drain came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drained {
    /// Requests in flight that finished.
    pub finished: u64,
    /// Connections that were closed when the drain time was over.
    pub cut: u64,
}

/// ship-proxy of one host.
#[async_trait]
pub trait Router: Send + Sync {
    /// Its state as far as this app is concerned; `None` if it does not answer.
    async fn view(&self, scope: &Scope) -> PortResult<Option<Proxy>>;
    /// Checks the targets and, if all pass, moves the traffic. `secrets` holds a given certificate's key. A release that
    /// already has the traffic on probation keeps it, whatever the generation.
    async fn switch(
        &self,
        scope: &Scope,
        switch: &Switch,
        targets: &[Target],
        secrets: &Secrets,
    ) -> PortResult<Switched>;
    /// Ends the probation; answers when the old release is drained, after `drain` at the latest. Nothing to confirm is
    /// an error: ship-proxy went back by itself.
    async fn confirm(&self, scope: &Scope, drain: Duration) -> PortResult<Drained>;
    /// Puts the previous release back if the switch is still on probation.
    async fn revert(&self, scope: &Scope) -> PortResult<()>;
    /// Makes sure that the app has no route.
    async fn remove(&self, scope: &Scope) -> PortResult<()>;
}

/// What a host remembers of an app.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// The ledger's bytes.
    pub ledger: Vec<u8>,
    /// The records of all releases that were not pruned.
    pub records: Vec<Release>,
    /// The holder of the lease, if someone holds it.
    pub held_by: Option<String>,
}

/// The app's directory on one host: ledger, records, secrets. Reading needs no lease.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Reads all of it; empty for an app or a host that ship never saw.
    async fn read(&self, scope: &Scope) -> PortResult<Memory>;
    /// Takes the lease, waiting at most `wait`; `busy` is told who holds it, once per holder. What the host remembers
    /// comes with it, because it may change no more.
    async fn lease(
        &self,
        scope: &Scope,
        holder: &str,
        wait: Duration,
        busy: OnLine<'_>,
    ) -> PortResult<(Arc<dyn Lease>, Memory)>;
    /// The secrets that a release ran with, for a one-off container beside it. Needs no lease.
    async fn secrets(&self, scope: &Scope, release: ReleaseNumber) -> PortResult<Secrets>;
    /// Appends a line (JSON, given without its end) to the app's audit. It needs no lease: a console must open while
    /// someone deploys.
    async fn append_audit(&self, scope: &Scope, line: &str) -> PortResult<()>;
    /// The audit's lines, oldest first.
    async fn audit(&self, scope: &Scope) -> PortResult<String>;
}

/// The right to change an app on a host, and with it the only way to write there. It ends when it is dropped, and when
/// the connection that it lives on ends.
#[async_trait]
pub trait Lease: Send + Sync {
    /// Appends lines (given without their ends) to the ledger in this order, and flushes them to the disk. It is one
    /// round trip. If it fails, any number of them from the first on may have been written.
    async fn append(&self, lines: &[String]) -> PortResult<()>;
    /// The ledger's bytes now.
    async fn ledger(&self) -> PortResult<Vec<u8>>;
    /// Cuts a torn last line off: the ledger keeps this many bytes.
    async fn cut_ledger(&self, length: u64) -> PortResult<()>;
    /// Writes a release's record and secrets.
    async fn record(&self, release: &Release, secrets: &Secrets) -> PortResult<()>;
    /// The secrets that a release ran with.
    async fn secrets(&self, release: ReleaseNumber) -> PortResult<Secrets>;
    /// Makes sure that a release's record and secrets are gone.
    async fn forget(&self, release: ReleaseNumber) -> PortResult<()>;
    /// Makes sure that nothing of the app is left in ship's directory; ends the lease.
    async fn forget_app(&self) -> PortResult<()>;
}

/// A server before it is a host of ship's, as `ship setup` sees it: the operating system below the engine.
#[async_trait]
pub trait Server: Send + Sync {
    /// Looks at everything that setup cares about, in one round trip. `user` is the deploy user, who need not exist.
    async fn facts(&self, user: &AccountName) -> PortResult<ServerFacts>;
    /// Does a step; its output is told line by line. What was begun is finished there even if the connection is lost.
    async fn perform(&self, step: &SetupStep, tell: OnLine<'_>) -> PortResult<()>;
}

/// Time. Wall time is recorded and never decides anything.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, as RFC 3339 in UTC.
    fn wall(&self) -> String;
    /// Since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
    /// Waits.
    async fn sleep(&self, span: Duration);
}

/// One host's ports.
#[derive(Clone)]
pub struct Host {
    /// Containers and images.
    pub engine: Arc<dyn Engine>,
    /// ship-proxy.
    pub router: Arc<dyn Router>,
    /// Ledger, lease, records.
    pub archive: Arc<dyn Archive>,
}

/// All ports. It holds no configuration, no flags and no state.
#[derive(Clone)]
pub struct World {
    /// The hosts that could be reached.
    pub hosts: BTreeMap<HostName, Host>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}
