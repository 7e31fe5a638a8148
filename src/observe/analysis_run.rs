//! What is seen of one AnalysisRun at one moment.

use serde::Deserialize;

use super::{Cache, Kind, ObservedTemplate, Refusal, snapshot::templates};
use crate::{api::AnalysisRun, measure::Measurement};

/// Everything that a decision about one AnalysisRun may depend on.
#[derive(Clone, Debug)]
pub struct ObservedAnalysisRun {
    /// The AnalysisRun: its spec, and its status as the source of truth.
    pub run: AnalysisRun,
    /// Its templates, in the order of the spec.
    pub templates: Vec<ObservedTemplate>,
    /// Queries that Prometheus refuses to parse; addresses that are not allowed.
    pub refusals: Vec<Refusal>,
    /// What Prometheus said at this look, where the plan asked for one.
    pub measurement: Option<Measurement>,
    /// What it said of the time before the first look, oldest first, where the plan asked for it.
    pub history: Option<Vec<Measurement>>,
}

/// What is seen of an AnalysisRun; nothing where it does not exist or can't be read. `measurement`, `history` and
/// `refusals` are left empty: they cost a question to somebody else.
pub fn analysis_run(cache: &Cache, namespace: &str, name: &str) -> Option<ObservedAnalysisRun> {
    let view = cache.read();
    let object = view.get(Kind::AnalysisRun, namespace, name)?;
    let run = AnalysisRun::deserialize(object.value()).ok()?;
    let templates = templates(&view, namespace, Some(&run.spec.analysis));
    Some(ObservedAnalysisRun { run, templates, refusals: Vec::new(), measurement: None, history: None })
}
