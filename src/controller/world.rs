//! The small boundary between the engine and whatever it runs on: a cluster, or the simulator.

use std::{collections::BTreeMap, future::Future, time::Duration};

use super::memory::Memory;
pub use crate::model::RolloutKey;
use crate::{
    act::Effect,
    analysis::HistoryRequest,
    measure::{MeasureRequest, Measurement},
    model::Key,
    observe::{Observed, Refusal, SeenPod},
    plan::QueryToCheck,
};

/// What the engine needs from what it runs on.
pub trait World: Send + Sync {
    /// Why an effect could not be performed.
    type Error: WriteError;

    /// What is remembered of the writes for each Rollout.
    fn memory(&self) -> &Memory;

    /// What is seen of a Rollout now; nothing where it does not exist. Reads its own writes.
    fn observe(&self, key: &RolloutKey) -> Option<Observed>;

    /// Asks Prometheus for a look of a Rollout, and remembers when that was.
    fn measure(&self, key: &RolloutKey, request: &MeasureRequest) -> impl Future<Output = Measurement> + Send;

    /// Asks Prometheus about the past. Where it can't say in time, the answer is empty.
    fn history(&self, request: &HistoryRequest) -> impl Future<Output = Vec<Measurement>> + Send;

    /// Which of these queries Prometheus would not take, where that is known without asking it.
    fn checked(&self, queries: &[QueryToCheck]) -> Option<Vec<Refusal>>;

    /// Asks Prometheus whether it would take these queries. Answers are remembered; an outage refuses nothing.
    fn check(&self, queries: &[QueryToCheck]) -> impl Future<Output = Vec<Refusal>> + Send;

    /// Why pods of a Deployment do not get ready, in the kubelet's words.
    fn troubles(&self, namespace: &str, deployment: &str) -> impl Future<Output = Vec<String>> + Send;

    /// The pods of a namespace with these labels; nothing where they can't be read.
    fn pods(
        &self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> impl Future<Output = Option<Vec<SeenPod>>> + Send;

    /// Reads these objects again. What can't be read stays as it was.
    fn refresh(&self, targets: &[Key]) -> impl Future<Output = ()> + Send;

    /// Performs one effect on behalf of a Rollout.
    fn perform(&self, key: &RolloutKey, effect: &Effect) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What has to be known of a write that failed.
pub trait WriteError: std::error::Error + Send + Sync {
    /// Whether the object had changed since it was seen, so that a new decision may help.
    fn is_conflict(&self) -> bool;

    /// Whether nothing more can be done, since the process ends.
    fn is_end(&self) -> bool {
        false
    }

    /// How long the server asked to be left alone.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// Why a plan was not performed as a whole.
#[derive(Debug)]
pub struct Failed<Error> {
    /// The failure.
    pub error: Error,
    /// Whether what failed was to take traffic or a pin away: it is tried again soon.
    pub lowers_risk: bool,
    /// When the next look is due all the same.
    pub look: Option<Duration>,
}

/// When a Rollout is reconciled again, if nothing happens to it before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// When there may be something to do.
    pub after: Duration,
    /// When the next look is due: whatever keeps a Rollout from writing too often must not delay it.
    pub look: Option<Duration>,
}

impl Again {
    /// Where there is nothing to look at.
    pub fn after(after: Duration) -> Self {
        Self { after, look: None }
    }
}
