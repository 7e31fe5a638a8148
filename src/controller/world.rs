//! The small boundary between the engine and whatever it runs on: a cluster, or the simulator.

use std::{future::Future, time::Duration};

pub use crate::model::RolloutKey;
use crate::{
    act::Effect,
    analysis::HistoryRequest,
    measure::{MeasureRequest, Measurement},
    model::Key,
    observe::{Observed, Refusal},
    plan::QueryToCheck,
};

/// What the engine needs from what it runs on.
pub trait World: Send + Sync {
    /// Why an effect could not be performed.
    type Error: std::error::Error + Send + Sync;

    /// What is seen of a Rollout now; nothing where it does not exist. Reads its own writes.
    fn observe(&self, key: &RolloutKey) -> Option<Observed>;

    /// Asks Prometheus.
    fn measure(&self, request: &MeasureRequest) -> impl Future<Output = Measurement> + Send;

    /// Asks Prometheus about the past. Where it can't say in time, the answer is empty.
    fn history(&self, request: &HistoryRequest) -> impl Future<Output = Vec<Measurement>> + Send;

    /// Asks Prometheus whether it would take these queries. Answers are remembered; an outage refuses nothing.
    fn check(&self, queries: &[QueryToCheck]) -> impl Future<Output = Vec<Refusal>> + Send;

    /// Why pods of a Deployment do not get ready, in the kubelet's words.
    fn troubles(&self, namespace: &str, deployment: &str) -> impl Future<Output = Vec<String>> + Send;

    /// Reads these objects again. What can't be read stays as it was.
    fn refresh(&self, targets: &[Key]) -> impl Future<Output = ()> + Send;

    /// Performs one effect on behalf of a Rollout.
    fn perform(&self, key: &RolloutKey, effect: &Effect) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// When a Rollout is looked at again, if nothing happens to it before.
pub type Again = Duration;
