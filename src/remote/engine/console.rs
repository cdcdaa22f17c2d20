//! Programs that a person talks to: a real terminal, or three streams that carry bytes as they are.

use bollard::models::{ContainerCreateBody, ExecConfig};
use bollard::query_parameters::{ResizeContainerTTYOptionsBuilder, ResizeExecOptionsBuilder, StartContainerOptions};
use futures_util::TryStreamExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_util::codec::FramedRead;

use super::fault::Fault;
use super::frames::{Frames, From};
use super::{DockerEngine, PATIENCE, within};
use crate::plan::action::ContainerSpec;
use crate::ports::{Console, ExecRequest, PortResult, Size, Streams};
use crate::release::Secrets;
use crate::remote::http::body;

/// The engine listens for keys that detach a terminal and holds the first of them back. Its own choice, Ctrl-P, calls
/// the last command back in every shell; nobody types this.
const DETACH_KEYS: &str = "ctrl-@,ctrl-@,ctrl-@,ctrl-@,ctrl-@,ctrl-@,ctrl-@,ctrl-@";

/// What has a terminal whose size can be changed.
enum Terminal {
    Exec(String),
    Container(String),
}

#[async_trait::async_trait]
impl Console for DockerEngine {
    async fn exec(&self, container: &str, request: &ExecRequest, streams: Streams) -> PortResult<i64> {
        let program = request.command.first().map_or("", String::as_str);
        let run = self.exec_attached(container, request, streams).await;
        run.map_err(|fault| fault.doing(format!("run {program} in {container} on {}", self.host)))
    }

    async fn run_attached(
        &self,
        spec: &ContainerSpec,
        secrets: &Secrets,
        request: &ExecRequest,
        streams: Streams,
    ) -> PortResult<i64> {
        let mut body = self.once_body(spec, secrets, "console").await?;
        attach(&mut body, request, streams.input.is_some());
        let run = self.run_in_new(&spec.name, body, streams, request.tty).await;
        run.map_err(|fault| fault.doing(format!("run {} on {}", spec.name, self.host)))
    }
}

impl DockerEngine {
    async fn exec_attached(&self, container: &str, request: &ExecRequest, streams: Streams) -> Result<i64, Fault> {
        let tty = request.tty.is_some();
        let config = ExecConfig {
            attach_stdin: Some(streams.input.is_some()),
            attach_stdout: Some(true),
            attach_stderr: Some(!tty),
            tty: Some(tty),
            detach_keys: Some(DETACH_KEYS.to_owned()),
            env: Some(request.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            cmd: Some(request.command.clone()),
            ..ExecConfig::default()
        };
        let id = within(PATIENCE, self.docker.create_exec(container, config)).await?.id;
        let start = body(format!(r#"{{"Detach":false,"Tty":{tty}}}"#));
        let channel = within(PATIENCE, self.api.hijack(&format!("/exec/{id}/start"), start)).await?;
        let terminal = Terminal::Exec(id.clone());
        self.join(channel, streams, terminal, request.tty).await?;
        self.exit_of_exec(&id).await
    }

    async fn run_in_new(
        &self,
        name: &str,
        new: ContainerCreateBody,
        streams: Streams,
        tty: Option<Size>,
    ) -> Result<i64, Fault> {
        let leftover = self.make_once(name, new).await?;
        let input = u8::from(streams.input.is_some());
        let attach = format!(
            "/containers/{name}/attach?stream=1&stdin={input}&stdout=1&stderr=1&detachKeys={}",
            super::query(DETACH_KEYS)
        );
        let (channel, exit) =
            tokio::try_join!(within(PATIENCE, self.api.hijack(&attach, body(""))), self.exit_of(name))?;
        within(PATIENCE, self.docker.start_container(name, None::<StartContainerOptions>)).await?;
        self.join(channel, streams, Terminal::Container(name.to_owned()), tty).await?;
        let code = exit.await?;
        leftover.removed();
        Ok(code)
    }

    /// Carries bytes between a program and its person until the program's output ends.
    async fn join(
        &self,
        channel: TokioIo<Upgraded>,
        streams: Streams,
        terminal: Terminal,
        tty: Option<Size>,
    ) -> Result<(), Fault> {
        let Streams { input, output, errors, resized } = streams;
        let (from, to) = tokio::io::split(channel);
        let read = async {
            if tty.is_some() { copy_terminal(from, output).await } else { copy_streams(from, output, errors).await }
        };
        let side = async {
            tokio::join!(copy_input(input, to), self.follow_size(&terminal, tty, resized));
            // Only the program's output ends the joint.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            result = read => result.map_err(|error| Fault::Lost(Box::new(error))),
            () = side => Ok(()),
        }
    }

    /// Tells the terminal its size, at first and whenever it changes.
    async fn follow_size(&self, terminal: &Terminal, tty: Option<Size>, mut resized: mpsc::Receiver<Size>) {
        let Some(first) = tty else { return };
        // The program may not have been started when its channel is there: the first size is told until it is taken.
        for pause in [0, 5, 10, 20, 50, 100, 200, 500, 1000] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            if self.resize(terminal, first).await.is_ok() {
                break;
            }
        }
        while let Some(size) = resized.recv().await {
            // A program that just ended has no size; the next answer tells that it ended.
            let _ = self.resize(terminal, size).await;
        }
    }

    async fn resize(&self, terminal: &Terminal, size: Size) -> Result<(), Fault> {
        let (width, height) = (i32::from(size.columns), i32::from(size.rows));
        match terminal {
            Terminal::Exec(id) => {
                let options = ResizeExecOptionsBuilder::new().w(width).h(height).build();
                within(PATIENCE, self.docker.resize_exec(id, options)).await
            }
            Terminal::Container(name) => {
                let options = ResizeContainerTTYOptionsBuilder::new().w(width).h(height).build();
                within(PATIENCE, self.docker.resize_container_tty(name, options)).await
            }
        }
    }
}

/// Makes of a container that runs once one that a person talks to.
fn attach(body: &mut ContainerCreateBody, request: &ExecRequest, input: bool) {
    body.cmd = Some(request.command.clone());
    body.tty = Some(request.tty.is_some());
    body.open_stdin = Some(input);
    body.stdin_once = Some(input);
    body.attach_stdin = Some(input);
    body.attach_stdout = Some(true);
    body.attach_stderr = Some(true);
    let env = body.env.get_or_insert_default();
    env.extend(request.env.iter().map(|(name, value)| format!("{name}={value}")));
}

/// The end of the input is the end of the program's, while its output goes on.
async fn copy_input(input: Option<Box<dyn AsyncRead + Send + Unpin>>, mut to: impl AsyncWrite + Unpin) {
    if let Some(mut input) = input {
        // A program that takes no more input says so by ending.
        let _ = tokio::io::copy(&mut input, &mut to).await;
    }
    let _ = to.shutdown().await;
}

async fn copy_terminal(mut from: impl AsyncRead + Unpin, mut output: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut piece = vec![0; 32 * 1024];
    loop {
        let count = tokio::io::AsyncReadExt::read(&mut from, &mut piece).await?;
        if count == 0 {
            return Ok(());
        }
        output.write_all(&piece[..count]).await?;
        output.flush().await?;
    }
}

async fn copy_streams(
    from: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
    mut errors: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut frames = FramedRead::with_capacity(from, Frames::default(), 64 * 1024);
    while let Some((from, piece)) = frames.try_next().await? {
        match from {
            From::Output => output.write_all(&piece).await?,
            From::Errors => errors.write_all(&piece).await?,
        }
        if frames.read_buffer().is_empty() {
            output.flush().await?;
            errors.flush().await?;
        }
    }
    Ok(())
}
