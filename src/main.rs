//! `ship`: the composition root. The only place where commands, real hosts and the user's own machine meet.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use clap::Parser as _;
use tokio::sync::watch;
use zeroize::Zeroizing;

use ship::cli::args::Arguments;
use ship::cli::edges::{Edges, Login, Meter, Remote, Traffic, WantedImage};
use ship::config::{self, BuildSource, SecretSource};
use ship::diagnostic::{Exit, Failure, Hint};
use ship::local::build::{self, BuildRequest};
use ship::local::clock::SystemClock;
use ship::local::docker::Docker;
use ship::local::git::Git;
use ship::local::image::{LayerCache, LocalImage};
use ship::local::images::OpenImages;
use ship::local::{person, proxy_binary, proxy_image, secrets};
use ship::name::HostName;
use ship::plan::setup::{AccountName, ImageArchive, ProxySpec};
use ship::ports::{Clock, OnLine, PortError, PortResult};
use ship::release::{Image, Secrets, Source};
use ship::remote::access::{Access, HostKeyAnswer, HostKeyQuestion, Questions};
use ship::remote::host::{self, Connected};
use ship::remote::session::Session;
use ship::remote::ssh_config::LocalUser;
use ship::ui::prompt::{HostKey, Prompt, PromptError};
use ship::ui::style::{Style, Surroundings};

/// How many bytes of compressed layers are kept between deploys.
const LAYER_CACHE: u64 = 5_000_000_000;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ship::ui::screen::message(&format!("error: the runtime cannot be started: {error}\n"));
            return ExitCode::from(Exit::Unchanged.code());
        }
    };
    let surroundings = surroundings();
    let directory = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let exit = runtime.block_on(async {
        let edges = Arc::new(Real::new(surroundings.stderr()));
        ship::cli::run(edges, surroundings, arguments, directory).await
    });
    // A read of standard input that nobody needs any more must not hold the process.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}

fn surroundings() -> Surroundings {
    Surroundings {
        no_color: variable("NO_COLOR"),
        clicolor_force: variable("CLICOLOR_FORCE"),
        term: variable("TERM"),
        ci: variable("CI"),
        stdout_is_terminal: std::io::stdout().is_terminal(),
        stderr_is_terminal: std::io::stderr().is_terminal(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment is read here and nowhere else")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The real edges.
struct Real {
    access: Access,
    clock: Arc<SystemClock>,
    docker: Docker,
    images: Arc<OpenImages>,
    cache: LayerCache,
    interrupt: watch::Receiver<bool>,
}

impl Real {
    fn new(style: Style) -> Self {
        let home = variable("HOME").map_or_else(|| PathBuf::from("/root"), PathBuf::from);
        let person = person::who(&variable);
        let name = person.split('@').next().unwrap_or_default().to_owned();
        let cache = variable("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
        let user = LocalUser { name, home, agent: variable("SSH_AUTH_SOCK").map(PathBuf::from) };
        Self {
            access: Access::load(user, Arc::new(Person { asking: tokio::sync::Mutex::new(()), style })),
            clock: Arc::new(SystemClock::start()),
            docker: Docker::default(),
            images: Arc::default(),
            cache: LayerCache::new(cache.join("ship/layers"), LAYER_CACHE),
            interrupt: interrupts(),
        }
    }
}

/// Becomes true at the first Ctrl-C (or SIGTERM); the second one ends the process at once.
fn interrupts() -> watch::Receiver<bool> {
    let (tell, told) = watch::channel(false);
    tokio::spawn(async move {
        let Ok(mut signals) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else { return };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = signals.recv() => {}
        }
        let _ = tell.send(true);
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = signals.recv() => {}
        }
        #[expect(clippy::exit, reason = "the user asked twice; hosts recover by themselves")]
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    told
}

#[async_trait]
impl Edges for Real {
    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn person(&self) -> String {
        person::who(&variable)
    }

    fn interrupt(&self) -> watch::Receiver<bool> {
        self.interrupt.clone()
    }

    async fn source(&self, directory: &Path) -> Source {
        Git::default().look(directory, self.person()).await.source
    }

    async fn connect(&self, name: &HostName, host: &config::Host) -> PortResult<Remote> {
        let connected = Connected::connect(&self.access, name, host, self.images.clone()).await?;
        Ok(Remote {
            host: connected.host(),
            console: Arc::new(connected.engine().clone()),
            logs: Arc::new(connected.engine().clone()),
            meter: Arc::new(SessionMeter(connected.session().clone())),
        })
    }

    async fn server(&self, name: &HostName, host: &config::Host, login: Option<&str>) -> PortResult<Login> {
        let target = self.target(name, host)?;
        let user: AccountName =
            target.user.parse().map_err(|error| PortError::refused(format!("set up {name}"), error))?;
        // Whom ~/.ssh/config names can become root; the deploy user of ship.toml is not there yet.
        let of_configuration = self.target(name, &config::Host { user: None, ..host.clone() })?.user;
        let login = match login {
            Some(login) => login.to_owned(),
            None if of_configuration == config::DEFAULT_USER => "root".to_owned(),
            None => of_configuration,
        };
        let host = config::Host { user: Some(login), ..host.clone() };
        Ok(Login { server: host::server(&self.access, name, &host).await?, user })
    }

    fn proxy(&self, machine: &str) -> Result<ProxySpec, Failure> {
        let platform = match machine {
            "x86_64" => "linux/amd64",
            "aarch64" => "linux/arm64",
            other => {
                return Err(Failure::new(Exit::Unchanged, format!("ship-proxy does not run on {other} machines")));
            }
        };
        let ship = std::env::current_exe().unwrap_or_default();
        let named = variable("SHIP_PROXY_BINARY").map(PathBuf::from);
        let binary = proxy_binary::find(&ship, named.as_deref(), platform).map_err(|error| failure(&error))?;
        let version = env!("CARGO_PKG_VERSION");
        let image = proxy_image::proxy_image(&binary, version, platform)
            .map_err(|error| Failure::from_error(Exit::Unchanged, &error))?;
        Ok(ProxySpec {
            reference: image.reference,
            digest: image.digest,
            version: version.to_owned(),
            archive: ImageArchive::new(image.archive),
        })
    }

    async fn image(&self, wanted: &WantedImage<'_>, tell: OnLine<'_>) -> Result<Image, Failure> {
        let WantedImage { directory, source, platform, tag } = wanted;
        let reference = match source {
            BuildSource::Image(reference) => reference.clone(),
            BuildSource::Dockerfile(build) => {
                let request = BuildRequest::new(directory, build, *platform, tag.clone());
                build::build(&self.docker, &request, tell).await.map_err(|error| {
                    let mut failed = failure(&error);
                    failed.output = error.output().to_vec();
                    failed
                })?
            }
        };
        let opened = LocalImage::open(&self.docker, &self.cache, &reference, *platform, &|_, _| {}).await;
        let opened = opened.map_err(|error| failure(&error))?;
        let image = opened.facts().image(reference);
        self.images.add(opened);
        Ok(image)
    }

    async fn secrets(&self, directory: &Path, sources: &BTreeMap<String, SecretSource>) -> Result<Secrets, Failure> {
        secrets::resolve(sources, directory, &variable).await.map_err(|error| {
            let mut failed = Failure { exit: Exit::Usage, ..failure(&error) };
            failed.output = error.output();
            failed
        })
    }
}

impl Real {
    /// Where a host is and who logs in there.
    fn target(&self, name: &HostName, host: &config::Host) -> PortResult<ship::remote::ssh_config::Target> {
        let doing = || format!("find the way to {name}");
        let route = self.access.route(host).map_err(|error| PortError::refused(doing(), error))?;
        route.into_iter().next_back().ok_or_else(|| PortError::refused(doing(), "no server is named"))
    }
}

/// An error of the user's own machine: no host was touched.
fn failure(error: &(impl Hint + 'static)) -> Failure {
    Failure::from_hint(Exit::Unchanged, error)
}

/// Counts what a connection carried.
struct SessionMeter(Session);

impl Meter for SessionMeter {
    fn traffic(&self) -> Traffic {
        Traffic {
            round_trips: u32::try_from(self.0.round_trips().depth()).unwrap_or(u32::MAX),
            bytes_up: self.0.bytes_up(),
            bytes_down: self.0.bytes_down(),
        }
    }
}

/// Whoever sits at the terminal, asked one thing after another.
struct Person {
    asking: tokio::sync::Mutex<()>,
    style: Style,
}

#[async_trait]
impl Questions for Person {
    async fn host_key(&self, question: &HostKeyQuestion) -> HostKeyAnswer {
        let _one = self.asking.lock().await;
        let (host, address) = match question.host.split_once(" (") {
            Some((host, rest)) => (host.to_owned(), rest.trim_end_matches(')').to_owned()),
            None => (question.host.clone(), question.host.clone()),
        };
        let key =
            HostKey { host, address, algorithm: question.kind.clone(), fingerprint: question.fingerprint.clone() };
        let style = self.style;
        match tokio::task::spawn_blocking(move || Prompt::standard(style).host_key(&key)).await {
            Ok(Ok(())) => HostKeyAnswer::Yes,
            Ok(Err(PromptError::Declined)) => HostKeyAnswer::No,
            Ok(Err(_)) | Err(_) => HostKeyAnswer::Nobody,
        }
    }

    async fn passphrase(&self, key: &Path, again: u32) -> Option<Zeroizing<String>> {
        let _one = self.asking.lock().await;
        let wrong = if again > 0 { "wrong; once more: " } else { "" };
        let what = format!("{wrong}passphrase of {}", key.display());
        let style = self.style;
        tokio::task::spawn_blocking(move || Prompt::standard(style).secret(&what)).await.ok()?.ok()
    }
}
