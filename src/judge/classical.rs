//! Classical tests and estimates, each valid for one look that was planned beforehand. They serve reports, the
//! comparators that the engine is measured against, and the planning of experiments; none of them decides a rollout,
//! because a test that is repeated at every look raises a false alarm sooner or later.
//!
//! Distributions come from `statrs`; its two-sample tests were found wrong and are not used. All of it is checked
//! against reference values in `tests/stat_vectors`.

pub mod bayes;
pub mod chi_squared;
pub mod cuped;
pub mod distribution;
pub mod fisher;
mod kolmogorov;
pub mod kolmogorov_smirnov;
pub mod mann_whitney;
pub mod multiple;
pub mod poisson_rates;
pub mod proportion;
mod quadrature;
pub mod sample_size;
pub mod two_proportions;
pub mod welch;

/// What a test takes as evidence against "no difference".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternative {
    /// The first sample differs from the second, in either direction.
    TwoSided,
    /// The first sample is larger.
    Greater,
    /// The first sample is smaller.
    Less,
}

/// An interval without an estimate: lower and upper bound.
pub type Bounds = (f64, f64);

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank or size, never negative")]
fn whole(value: f64) -> usize {
    value.max(0.0).floor() as usize
}
