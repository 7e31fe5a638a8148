//! What keeps an analysis from being measured at all, before anything is asked.

use crate::{api::condition::ready, measure::MetricError};

/// Why templates and arguments do not give metrics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A template needs an argument that nobody gives.
    #[error(
        "template {template} needs the argument {argument}; give it in spec.analysis.args: [{{name: {argument}, value: …}}]"
    )]
    ArgumentMissing {
        /// The template's name.
        template: String,
        /// The argument's name.
        argument: String,
    },
    /// A query is no template, or uses a name that nothing defines.
    #[error("metric {name}: {problem}")]
    Query {
        /// `template/metric`.
        name: String,
        /// What is wrong.
        problem: Box<MetricError>,
    },
}

impl Problem {
    /// The reason in one word, for conditions.
    pub fn reason(&self) -> &'static str {
        ready::TEMPLATE_INVALID
    }
}
