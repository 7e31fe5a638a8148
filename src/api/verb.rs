//! What a person can tell a Rollout to do, as the command line writes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a person tells a Rollout to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// Stay at the current weight.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Pass the current step without waiting for evidence.
    Promote,
    /// Pass all steps and roll the new version out.
    PromoteFull,
    /// Back to the stable version.
    Abort,
    /// Run a rolled back version once more.
    Retry,
    /// Roll the new version out without any canary, also before a run has begun.
    Skip,
}

impl Verb {
    /// The verb as it is typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Promote => "promote",
            Self::PromoteFull => "promote --full",
            Self::Abort => "abort",
            Self::Retry => "retry",
            Self::Skip => "skip",
        }
    }
}

/// One request of a person. Written into the annotation [`crate::model::VERB_ANNOTATION`]; each `id` is applied once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerbRequest {
    /// What to do.
    pub verb: Verb,
    /// Tells this request from all others.
    pub id: String,
    /// Who asked, as the API server knows them.
    pub by: String,
    /// When they asked (RFC 3339).
    pub at: String,
}
