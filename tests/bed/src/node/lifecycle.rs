//! One pod from its start to its end, as a kubelet and a well-behaved application would live it.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use super::workload::{Program, StartFailure, Workload};
use super::{NodeAgent, Wanted, status};
use crate::app::Application;
use crate::envoy::{self, Identity};
use crate::process::Server;

/// What runs for the pod.
enum Running {
    Application(Application),
    Envoy(Server),
    Nothing,
}

/// Runs the pod until it is gone. What cannot be told to the API server is logged.
pub(super) async fn live(agent: Arc<NodeAgent>, pod: Pod, mut wanted: watch::Receiver<Wanted>) {
    let name = pod.metadata.name.clone().unwrap_or_default();
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    let life = Life {
        api: Api::namespaced(agent.client.clone(), &namespace),
        address: agent.addresses.next(),
        started: status::now(),
        workload: Workload::of(&pod),
        agent,
        pod,
        name,
        namespace,
    };
    if let Err(error) = life.live(&mut wanted).await {
        tracing::warn!(pod = %life.name, namespace = %life.namespace, "{error:#}");
    }
}

struct Life {
    agent: Arc<NodeAgent>,
    api: Api<Pod>,
    pod: Pod,
    name: String,
    namespace: String,
    address: Ipv4Addr,
    started: String,
    workload: Workload,
}

impl Life {
    async fn live(&self, wanted: &mut watch::Receiver<Wanted>) -> anyhow::Result<()> {
        let mut running = Running::Nothing;
        if *wanted.borrow() == Wanted::Running {
            let started = match &self.workload.start_failure {
                Some(failure) => Err(failure.clone()),
                None => self.start().await.map_err(|error| StartFailure::of(&error)),
            };
            match started {
                Ok(started) => {
                    running = started;
                    self.become_ready(wanted).await?;
                }
                Err(failure) => {
                    let status = status::failing(&self.pod, self.address, &self.started, &failure);
                    self.report(&status).await?;
                }
            }
        }
        let end = wanted
            .wait_for(|wanted| *wanted != Wanted::Running)
            .await
            .map_or(Wanted::Gone, |wanted| *wanted);
        match end {
            Wanted::Ended { grace_seconds } => self.end(&running, wanted, grace_seconds).await?,
            Wanted::Gone | Wanted::Running => running.crash(),
        }
        Ok(())
    }

    async fn start(&self) -> anyhow::Result<Running> {
        match &self.workload.program {
            Program::Application { port, behaviour } => {
                let address = SocketAddr::from((self.address, *port));
                Ok(Running::Application(
                    Application::start(address, behaviour.clone()).await?,
                ))
            }
            Program::Envoy(role) => {
                let labels = self.pod.metadata.labels.clone().unwrap_or_default();
                let identity = Identity {
                    role: *role,
                    address: self.address,
                    pod: &self.name,
                    namespace: &self.namespace,
                    labels: &labels,
                };
                let bootstrap = self.agent.run.write(
                    &format!("envoy-{}.json", self.name),
                    envoy::bootstrap(&identity).to_string(),
                )?;
                let mut command = Command::new(&self.agent.envoy);
                command.arg("-c").arg(bootstrap).args([
                    "--concurrency",
                    "1",
                    "-l",
                    "warning",
                    "--disable-hot-restart",
                ]);
                let name = format!("envoy-{}-{}", self.namespace, self.name);
                Ok(Running::Envoy(Server::start(
                    &name,
                    command,
                    &self.agent.run.logs(),
                )?))
            }
            Program::Nothing => Ok(Running::Nothing),
        }
    }

    /// Reports the pod as running, and as ready when its time has come and nobody wants it to end.
    async fn become_ready(&self, wanted: &mut watch::Receiver<Wanted>) -> anyhow::Result<()> {
        let is_ready = self.workload.ready_after == Some(Duration::ZERO);
        self.report(&status::running(
            &self.pod,
            self.address,
            &self.started,
            is_ready,
        ))
        .await?;
        if let Some(delay) = self.workload.ready_after.filter(|delay| !delay.is_zero()) {
            let ended = timeout(delay, wanted.wait_for(|wanted| *wanted != Wanted::Running))
                .await
                .is_ok();
            if !ended {
                self.report(&status::running(
                    &self.pod,
                    self.address,
                    &self.started,
                    true,
                ))
                .await?;
            }
        }
        Ok(())
    }

    /// The graceful end: not ready at once, serving on with `Connection: close` until the data plane has heard of it,
    /// then the listener closes, then the object goes.
    async fn end(
        &self,
        running: &Running,
        wanted: &mut watch::Receiver<Wanted>,
        grace_seconds: i64,
    ) -> anyhow::Result<()> {
        let grace = Duration::from_secs(u64::try_from(grace_seconds).unwrap_or(0));
        if grace.is_zero() {
            running.crash();
        } else if !matches!(running, Running::Nothing) {
            self.drain(running).await?;
            let drain = self.workload.drain.min(grace);
            let is_gone = wanted.wait_for(|wanted| *wanted == Wanted::Gone);
            if timeout(drain, is_gone).await.is_ok() {
                running.crash();
                return Ok(());
            }
            running.close();
        }
        self.delete().await
    }

    async fn drain(&self, running: &Running) -> anyhow::Result<()> {
        if let Running::Application(application) = running {
            application.drain();
        }
        let status = status::running(&self.pod, self.address, &self.started, false);
        self.report(&status).await
    }

    /// Takes the pod's object away, unless its name belongs to another pod by now.
    async fn delete(&self) -> anyhow::Result<()> {
        let _permit = self
            .agent
            .reports
            .acquire()
            .await
            .context("the agent has ended")?;
        let uid = self.pod.metadata.uid.clone();
        let parameters = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions {
                uid,
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match self.api.delete(&self.name, &parameters).await {
            Err(error) if !is_gone(&error) => Err(error).context("could not delete the ended pod"),
            _ => Ok(()),
        }
    }

    async fn report(&self, status: &Value) -> anyhow::Result<()> {
        let _permit = self
            .agent
            .reports
            .acquire()
            .await
            .context("the agent has ended")?;
        match self
            .api
            .patch_status(
                &self.name,
                &PatchParams::default(),
                &Patch::Strategic(status),
            )
            .await
        {
            Err(error) if !is_gone(&error) => {
                Err(error).context("could not report the pod's status")
            }
            _ => Ok(()),
        }
    }
}

impl Running {
    /// Ends in good order: what is being answered is answered.
    fn close(&self) {
        match self {
            Self::Application(application) => application.close(),
            Self::Envoy(server) => server.terminate(),
            Self::Nothing => {}
        }
    }

    /// Ends at once: connections break.
    fn crash(&self) {
        match self {
            Self::Application(application) => application.crash(),
            Self::Envoy(server) => server.kill(),
            Self::Nothing => {}
        }
    }
}

/// The object is not there any more, or its name belongs to another pod by now.
fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404 || status.code == 409)
}
