//! Programs that ship runs itself and waits for: the release command in a container of its own, health commands inside
//! running ones.

use std::collections::VecDeque;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, ExecConfig};
use bollard::query_parameters::StartContainerOptions;
use futures_util::TryStreamExt;
use hyper::Method;
use serde::Deserialize;
use tokio::io::AsyncRead;
use tokio_util::codec::FramedRead;

use super::api::answer;
use super::fault::Fault;
use super::frames::{Frames, Lines};
use super::{DockerEngine, PATIENCE, spec, within};
use crate::plan::action::ContainerSpec;
use crate::ports::{Ended, OnLine, PortError, PortResult};
use crate::release::Secrets;
use crate::remote::http::body;

/// How many lines are kept to explain how a program ended.
const LAST_LINES: usize = 20;

/// How a container ended, as the engine tells those who wait.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Waited {
    status_code: i64,
}

impl DockerEngine {
    pub(super) async fn run_to_end(
        &self,
        spec: &ContainerSpec,
        secrets: &Secrets,
        tell: OnLine<'_>,
    ) -> PortResult<Ended> {
        let doing = || format!("run {} on {}", spec.name, self.host);
        let body = self.once_body(spec, secrets, "release").await?;
        self.run_once_from(&spec.name, body, tell).await.map_err(|fault| fault.doing(doing()))
    }

    /// The body of a container that runs once and that the engine removes when it has ended.
    pub(super) async fn once_body(
        &self,
        spec: &ContainerSpec,
        secrets: &Secrets,
        once: &str,
    ) -> PortResult<ContainerCreateBody> {
        let doing = || format!("create {} on {}", spec.name, self.host);
        let facts = self.facts().await.map_err(|fault| fault.doing(doing()))?;
        let mut body = spec::create_body(spec, secrets, &facts.log_driver)
            .map_err(|missing| PortError::refused(doing(), missing))?;
        body.labels.get_or_insert_default().insert(spec::ONCE.to_owned(), once.to_owned());
        body.host_config.get_or_insert_default().auto_remove = Some(true);
        Ok(body)
    }

    /// Makes a container that runs once; one of its name that was left over goes first, but nothing else.
    pub(super) async fn make_once(&self, name: &str, body: ContainerCreateBody) -> Result<Leftover, Fault> {
        if let Err(taken) = self.make(name, body.clone()).await {
            if taken.status() != Some(409) {
                return Err(taken);
            }
            let there = self.inspect(name).await?;
            let labels = there.config.and_then(|config| config.labels).unwrap_or_default();
            if !labels.contains_key(spec::ONCE) {
                return Err(taken);
            }
            self.delete(name).await?;
            self.make(name, body).await?;
        }
        Ok(Leftover { engine: Some(self.clone()), name: name.to_owned() })
    }

    async fn run_once_from(&self, name: &str, body_of: ContainerCreateBody, tell: OnLine<'_>) -> Result<Ended, Fault> {
        let leftover = self.make_once(name, body_of).await?;
        let attach = format!("/containers/{name}/attach?stream=1&stdout=1&stderr=1");
        // Both before the start: nothing of the output is missed, nor the exit code of a container that removes itself.
        let (output, exit) =
            tokio::try_join!(within(PATIENCE, self.api.hijack(&attach, body(""))), self.exit_of(name))?;
        within(PATIENCE, self.docker.start_container(name, None::<StartContainerOptions>)).await?;
        let last_lines = read_lines(output, tell).await?;
        let exit_code = exit.await?;
        leftover.removed();
        Ok(Ended { exit_code, last_lines })
    }

    /// Begins to wait for the end of a container that was not started; the answer is the rest of the waiting.
    pub(super) async fn exit_of(
        &self,
        name: &str,
    ) -> Result<impl Future<Output = Result<i64, Fault>> + Send + use<>, Fault> {
        let path = format!("/containers/{name}/wait?condition=removed");
        let response = within(PATIENCE, self.api.ask(Method::POST, &path, body(""))).await?;
        Ok(async move { Ok(answer::<Waited>(response).await?.status_code) })
    }

    pub(super) async fn run_inside(&self, container: &str, command: &[String], limit: Duration) -> PortResult<Ended> {
        let doing = || format!("run {} in {container} on {}", command.first().map_or("", String::as_str), self.host);
        let run = async {
            let config = ExecConfig {
                attach_stdout: Some(true),
                attach_stderr: Some(true),
                cmd: Some(command.to_vec()),
                ..ExecConfig::default()
            };
            let id = self.docker.create_exec(container, config).await?.id;
            let start = body(r#"{"Detach":false,"Tty":false}"#);
            let output = self.api.hijack(&format!("/exec/{id}/start"), start).await?;
            let last_lines = read_lines(output, &|_| {}).await?;
            Ok(Ended { exit_code: self.exit_of_exec(&id).await?, last_lines })
        };
        match tokio::time::timeout(limit, run).await {
            Ok(result) => result.map_err(|fault: Fault| fault.doing(doing())),
            Err(_) => Err(PortError::refused(doing(), format!("it did not end within {} s", limit.as_secs_f32()))),
        }
    }

    /// The exit code of a program inside a container whose output has ended. The engine notes it a moment later.
    pub(super) async fn exit_of_exec(&self, id: &str) -> Result<i64, Fault> {
        let mut pause = Duration::from_millis(5);
        loop {
            let seen = within(PATIENCE, self.docker.inspect_exec(id)).await?;
            if let (Some(code), Some(false) | None) = (seen.exit_code, seen.running) {
                return Ok(code);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }
}

/// Tells the lines of a program's output and keeps the last ones.
async fn read_lines(output: impl AsyncRead + Unpin, tell: OnLine<'_>) -> Result<Vec<String>, Fault> {
    let mut frames = FramedRead::new(output, Frames::default());
    let mut lines = Lines::default();
    let mut last = VecDeque::with_capacity(LAST_LINES);
    let mut keep = |line: &str| {
        tell(line);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line.to_owned());
    };
    while let Some((from, piece)) = frames.try_next().await.map_err(|error| Fault::Lost(Box::new(error)))? {
        lines.push(from, &piece, &mut keep);
    }
    lines.finish(keep);
    Ok(last.into())
}

/// A container that must not stay: it is removed when this is dropped.
pub(super) struct Leftover {
    engine: Option<DockerEngine>,
    name: String,
}

impl Leftover {
    /// It ended, and the engine removed it.
    pub(super) fn removed(mut self) {
        self.engine = None;
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        let (Some(engine), Ok(runtime)) = (self.engine.take(), tokio::runtime::Handle::try_current()) else { return };
        let name = std::mem::take(&mut self.name);
        // Nobody is left who could be told of a failure; the next run of that name removes it.
        runtime.spawn(async move { engine.delete(&name).await });
    }
}
