//! Domain words without Kubernetes: what a rollout is made of, and the objects it reads as plain JSON.

mod clock;
mod object;
mod rollout_key;
pub mod words;

pub use clock::{Clock, SystemClock, Timestamp};
pub use object::{Key, Object};
pub use rollout_key::RolloutKey;

/// Label on a workload that Siskin watches over; the admission policy selects by it.
pub const MANAGED_LABEL: &str = "siskin.dev/managed";
/// Annotation on a workload whose hold the admission policy keeps.
pub const HELD_ANNOTATION: &str = "siskin.dev/held";
/// Annotation that tells a person why a workload stays paused after its Rollout is gone, and how to go on.
pub const HELD_BECAUSE_ANNOTATION: &str = "siskin.dev/held-because";
/// Annotation on a canary Deployment: which pod template it was made from.
pub const COPY_ANNOTATION: &str = "siskin.dev/copy-of";
/// Label on the canary's pods, with the value [`CANARY`].
pub const VARIANT_LABEL: &str = "siskin.dev/variant";
/// Value of [`VARIANT_LABEL`] on the canary.
pub const CANARY: &str = "canary";
/// Label on every object that Siskin creates: the Rollout's name.
pub const ROLLOUT_LABEL: &str = "siskin.dev/rollout";
/// Annotation by which a person tells a Rollout what to do: a JSON [`crate::api::VerbRequest`].
pub const VERB_ANNOTATION: &str = "siskin.dev/verb";
/// The label by which the server's controllers tell the pods of one template from another's.
pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";
