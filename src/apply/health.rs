//! Waiting for containers to become healthy, while watching that they do not end.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;

use crate::plan::action::Switch;
use crate::ports::{Clock, Ended, Host, PortResult, Switched, Target};
use crate::release::{Health, Secrets};

use super::explain::{self, StepError};

/// How long one run of a health command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// What is asked of the waiting: the host, and time.
pub(super) struct Watch<'a> {
    pub(super) host: &'a Host,
    pub(super) clock: &'a dyn Clock,
}

impl Watch<'_> {
    /// Waits until containers without requests count as healthy.
    pub(super) async fn up(&self, containers: &[String], health: &Health) -> Result<(), StepError> {
        match health {
            Health::StaysUp { span } => self.stays_up(containers, *span).await,
            Health::Command { command, interval, deadline } => {
                let passes = async {
                    for container in containers {
                        self.command_passes(container, command, *interval, *deadline).await?;
                    }
                    Ok(())
                };
                self.unless_ended(containers, passes).await
            }
            // The plan asks ship-proxy about these.
            Health::Http { .. } => Ok(()),
        }
    }

    /// Has ship-proxy check the targets and move the traffic; a container that ends meanwhile ends the waiting.
    pub(super) async fn switch(
        &self,
        switch: &Switch,
        scope: &crate::name::Scope,
        targets: &[Target],
        secrets: &Secrets,
    ) -> Result<(), StepError> {
        let asked = async { Ok(self.host.router.switch(scope, switch, targets, secrets).await?) };
        match self.unless_ended(&switch.containers, asked).await? {
            Switched::Done { .. } => Ok(()),
            Switched::NotHealthy(reports) => Err(explain::not_healthy(self.host, switch, &reports).await),
        }
    }

    async fn stays_up(&self, containers: &[String], span: Duration) -> Result<(), StepError> {
        let waited = async {
            self.clock.sleep(span).await;
            Ok(())
        };
        self.unless_ended(containers, waited).await?;
        for container in containers {
            let view = self.host.engine.look(container).await?;
            if !view.running {
                let why = format!("{container} did not stay up for {}", explain::span(span));
                return Err(explain::not_up(self.host, container, why).await);
            }
        }
        Ok(())
    }

    async fn command_passes(
        &self,
        container: &str,
        command: &[String],
        interval: Duration,
        deadline: Duration,
    ) -> Result<(), StepError> {
        let begun = self.clock.monotonic();
        let mut tries = 0_u32;
        loop {
            tries += 1;
            let ended = self.host.engine.exec(container, command, COMMAND_LIMIT.min(deadline)).await?;
            if ended.exit_code == 0 {
                return Ok(());
            }
            if self.clock.monotonic().saturating_sub(begun) + interval > deadline {
                let why = format!(
                    "`{}` in {container} ended with exit code {} for {} ({tries} tries)",
                    command.join(" "),
                    ended.exit_code,
                    explain::span(deadline)
                );
                return Err(StepError::NotHealthy {
                    why,
                    output: ended.last_lines.iter().map(|line| format!("{container} | {line}")).collect(),
                });
            }
            self.clock.sleep(interval).await;
        }
    }

    /// Does the work, unless one of the containers ends first.
    async fn unless_ended<T>(
        &self,
        containers: &[String],
        work: impl Future<Output = Result<T, StepError>>,
    ) -> Result<T, StepError> {
        let first = pin!(self.first_ended(containers));
        match select(pin!(work), first).await {
            Either::Left((done, _)) => done,
            Either::Right(((container, ended), _)) => {
                let ended = ended?;
                let view = self.host.engine.look(&container).await;
                let out_of_memory = view.is_ok_and(|view| view.out_of_memory);
                Err(explain::ended(&container, &ended, out_of_memory))
            }
        }
    }

    async fn first_ended(&self, containers: &[String]) -> (String, PortResult<Ended>) {
        let mut waits: FuturesUnordered<_> = containers
            .iter()
            .map(|container| async move { (container.clone(), self.host.engine.ended(container).await) })
            .collect();
        match waits.next().await {
            Some(first) => first,
            None => std::future::pending().await,
        }
    }
}
