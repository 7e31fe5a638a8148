//! What a pod is asked to do, read from its first container's image and environment.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod};

use crate::app::{Behaviour, Latency};
use crate::envoy::Role;

/// `siskin.test/app:TAG` is an HTTP server.
pub(crate) const APPLICATION_IMAGE: &str = "siskin.test/app";
/// What the images of both kinds of Envoy begin with.
pub(crate) const ENVOY_IMAGE: &str = "siskin.test/envoy";
/// An Envoy that istiod feeds as a gateway.
pub(crate) const GATEWAY_IMAGE: &str = "siskin.test/envoy";
/// An Envoy that istiod feeds as the sidecar of a client.
pub(crate) const SIDECAR_IMAGE: &str = "siskin.test/envoy-sidecar";

const DEFAULT_PORT: u16 = 8080;
const DEFAULT_DRAIN: Duration = Duration::from_secs(3);

/// What runs for the pod.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Program {
    Application {
        port: u16,
        behaviour: Behaviour,
    },
    Envoy(Role),
    /// Any other image (`siskin.test/pause`): Running and Ready with nothing behind it, for tests of many pods.
    Nothing,
}

/// A container that does not come up.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StartFailure {
    /// `CrashLoopBackOff`, `ImagePullBackOff`, …
    pub(super) reason: String,
    pub(super) message: String,
}

impl StartFailure {
    /// A failure of the bed itself, told to whoever looks at the pod.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        Self {
            reason: "CrashLoopBackOff".to_owned(),
            message: format!("{error:#}"),
        }
    }
}

/// Everything that the lifecycle wants to know about a pod.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Workload {
    pub(super) program: Program,
    pub(super) start_failure: Option<StartFailure>,
    /// `None`: it never becomes ready.
    pub(super) ready_after: Option<Duration>,
    pub(super) drain: Duration,
}

impl Workload {
    pub(super) fn of(pod: &Pod) -> Self {
        let Some(container) = pod.spec.as_ref().and_then(|spec| spec.containers.first()) else {
            return Self {
                program: Program::Nothing,
                start_failure: None,
                ready_after: None,
                drain: Duration::ZERO,
            };
        };
        let environment = Environment::of(container);
        let image = container.image.as_deref().unwrap_or_default();
        let program = match image.split(':').next().unwrap_or_default() {
            APPLICATION_IMAGE => Program::Application {
                port: port(container),
                behaviour: environment.behaviour(image),
            },
            GATEWAY_IMAGE => Program::Envoy(Role::Gateway),
            SIDECAR_IMAGE => Program::Envoy(Role::Sidecar),
            _ => Program::Nothing,
        };
        let drain = match program {
            Program::Nothing => Duration::ZERO,
            _ => environment
                .seconds("DRAIN_SECONDS")
                .unwrap_or(DEFAULT_DRAIN),
        };
        let never_ready = environment.text("READY") == Some("false");
        let ready_after =
            (!never_ready).then(|| environment.seconds("READY_AFTER").unwrap_or(Duration::ZERO));
        Self {
            program,
            start_failure: environment.start_failure(image),
            ready_after,
            drain,
        }
    }
}

/// The container's plain environment values.
struct Environment<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Environment<'a> {
    fn of(container: &'a Container) -> Self {
        let variables = container.env.iter().flatten();
        Self(
            variables
                .map(|variable| {
                    (
                        variable.name.as_str(),
                        variable.value.as_deref().unwrap_or_default(),
                    )
                })
                .collect(),
        )
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    fn number(&self, name: &str) -> Option<f64> {
        let text = self.text(name)?;
        let number = text
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite() && *number >= 0.0);
        if number.is_none() {
            tracing::warn!("{name}={text:?} of a pod is not a number of zero or more: ignored");
        }
        number
    }

    fn seconds(&self, name: &str) -> Option<Duration> {
        self.number(name).map(Duration::from_secs_f64)
    }

    fn behaviour(&self, image: &str) -> Behaviour {
        let tag = image.split_once(':').map_or("latest", |(_, tag)| tag);
        let median = self.number("LATENCY_MS").unwrap_or(0.0) / 1000.0;
        let latency = match self.number("LATENCY_SIGMA") {
            Some(sigma) if sigma > 0.0 => Latency::LogNormal {
                median_seconds: median,
                sigma,
            },
            _ => Latency::Fixed(Duration::from_secs_f64(median)),
        };
        Behaviour {
            version: self.text("VERSION").unwrap_or(tag).to_owned(),
            error_rate: self.number("ERROR_RATE").unwrap_or(0.0).min(1.0),
            latency,
        }
    }

    /// `START_FAILURE=CrashLoopBackOff` or, with a message of its own, `ImagePullBackOff: no such tag`.
    fn start_failure(&self, image: &str) -> Option<StartFailure> {
        let text = self.text("START_FAILURE").filter(|text| !text.is_empty())?;
        let (reason, message) = text.split_once(':').unwrap_or((text, ""));
        let message = match (reason, message.trim()) {
            ("ImagePullBackOff" | "ErrImagePull", "") => {
                format!("Back-off pulling image \"{image}\"")
            }
            (_, "") => "back-off 10s restarting failed container".to_owned(),
            (_, message) => message.to_owned(),
        };
        Some(StartFailure {
            reason: reason.to_owned(),
            message,
        })
    }
}

fn port(container: &Container) -> u16 {
    let first = container
        .ports
        .iter()
        .flatten()
        .next()
        .map(|port| port.container_port);
    first
        .and_then(|port| u16::try_from(port).ok())
        .unwrap_or(DEFAULT_PORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(image: &str, environment: &[(&str, &str)]) -> Pod {
        let variables: Vec<_> = environment
            .iter()
            .map(|(name, value)| serde_json::json!({"name": name, "value": value}))
            .collect();
        serde_json::from_value(serde_json::json!({
            "metadata": {}, "spec": {"containers": [{"name": "app", "image": image, "env": variables}]},
        }))
        .expect("the manifest is a pod")
    }

    #[test]
    fn an_application_without_environment_answers_at_once_with_its_tag_as_version() {
        let workload = Workload::of(&pod("siskin.test/app:v7", &[]));
        let Program::Application { port, behaviour } = workload.program else {
            panic!("not an application")
        };
        assert_eq!(
            (port, behaviour.version.as_str(), behaviour.error_rate),
            (8080, "v7", 0.0)
        );
        assert_eq!(behaviour.latency, Latency::Fixed(Duration::ZERO));
        assert_eq!(
            (workload.ready_after, workload.drain),
            (Some(Duration::ZERO), DEFAULT_DRAIN)
        );
    }

    #[test]
    fn a_start_failure_carries_its_reason_and_its_message() {
        let failure = Workload::of(&pod(
            "siskin.test/app:v1",
            &[("START_FAILURE", "ImagePullBackOff: no such tag")],
        ));
        let failure = failure.start_failure.expect("a failure was asked for");
        assert_eq!(
            (failure.reason.as_str(), failure.message.as_str()),
            ("ImagePullBackOff", "no such tag")
        );
    }

    #[test]
    fn the_pause_image_runs_nothing_and_needs_no_drain() {
        let workload = Workload::of(&pod("siskin.test/pause", &[]));
        assert_eq!(
            (workload.program, workload.drain),
            (Program::Nothing, Duration::ZERO)
        );
    }
}
