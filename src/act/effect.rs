//! The vocabulary of what can be done to a cluster: each effect is data, small, and safe to repeat.

use std::fmt;

use json_patch::Patch;
use serde_json::Value;

use crate::{
    api::{AnalysisRunStatus, RolloutStatus},
    model::{Key, Object},
};

/// One write. Effects of a plan are performed in its order. The first that fails ends it, but for those that
/// [lower risk](Effect::lowers_risk): they are tried whatever became of the others, and their failure ends nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A JSON patch, with its own tests, of an object that somebody else owns.
    Patch {
        /// What is patched.
        target: Key,
        /// The operations; the first ones test that the object is the one that was seen.
        patch: Patch,
        /// What for.
        purpose: Purpose,
    },
    /// Creation of an object that carries what a user wrote (a pod template): the server takes things from users that
    /// server-side apply refuses, like two variables with one name.
    Create {
        /// The whole object.
        object: Value,
        /// What for.
        purpose: Purpose,
    },
    /// Server-side apply of an object that Siskin makes.
    Apply {
        /// The whole object as Siskin wants it.
        object: Value,
        /// What for.
        purpose: Purpose,
    },
    /// Deletion of an object that Siskin made.
    Delete {
        /// What is deleted.
        target: Key,
        /// The object that was seen; another one by the same name stays.
        uid: String,
        /// What for.
        purpose: Purpose,
    },
    /// The Rollout's new status.
    Status(Box<RolloutStatus>),
    /// The new status of an AnalysisRun.
    AnalysisStatus {
        /// The AnalysisRun.
        target: Key,
        /// Its status.
        status: Box<AnalysisRunStatus>,
    },
    /// An Event on the Rollout, for people.
    Event(Notice),
}

impl Effect {
    /// What the effect is for, where it says so.
    pub fn purpose(&self) -> Option<Purpose> {
        match self {
            Self::Patch { purpose, .. }
            | Self::Create { purpose, .. }
            | Self::Apply { purpose, .. }
            | Self::Delete { purpose, .. } => Some(*purpose),
            Self::Status(_) | Self::AnalysisStatus { .. } | Self::Event(_) => None,
        }
    }

    /// What the effect writes to; nothing where that is the Rollout itself.
    pub fn target(&self) -> Option<Key> {
        match self {
            Self::Patch { target, .. } | Self::Delete { target, .. } | Self::AnalysisStatus { target, .. } => {
                Some(target.clone())
            }
            Self::Create { object, .. } | Self::Apply { object, .. } => Some(Object::new(object.clone()).key()),
            Self::Status(_) | Self::Event(_) => None,
        }
    }

    /// Whether the effect only takes traffic or a pin away, so that nothing else needs to have succeeded before it.
    pub fn lowers_risk(&self) -> bool {
        use Purpose::{CleanUp, Lower, Restore, Unpin};
        matches!(self.purpose(), Some(Lower | Restore | Unpin | CleanUp))
    }
}

/// What an effect is for: the label of its metric and the word in its log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// The Rollout's finalizer and the workload's label.
    Adopt,
    /// Leave the workload and the Rollout as if Siskin had never been there.
    Release,
    /// Keep the workload's new template from rolling out.
    Hold,
    /// Let it roll out.
    Unhold,
    /// Bring a workload that was held in the middle of its rolling update to one revision.
    Consolidate,
    /// Keep the canary's pods out of the user's Service.
    Pin,
    /// The Service as its user wrote it.
    Unpin,
    /// Objects of the canary: Deployment, Services.
    Canary,
    /// Subsets of a DestinationRule.
    Subsets,
    /// More traffic to the canary.
    Raise,
    /// Less traffic to the canary, or none.
    Lower,
    /// The route as its user wrote it.
    Restore,
    /// Objects of a run that is over.
    CleanUp,
    /// The AnalysisRun of a run.
    Record,
}

impl fmt::Display for Purpose {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// An Event's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether a person should look.
    pub warning: bool,
    /// The reason in one word.
    pub reason: String,
    /// What happened, in a sentence with its numbers.
    pub message: String,
}
