//! What others decide by, on the same data: tests that are repeated at each look, and thresholds.

mod kayenta;
mod kolmogorov_smirnov;
mod mann_whitney;
mod posterior;
mod thresholds;
mod z_test;

pub use kayenta::KayentaAtEachInterval;
pub use kolmogorov_smirnov::GrowingHistograms;
pub use mann_whitney::GrowingRanks;
pub use posterior::NormalPosterior;
pub use thresholds::{FailedChecks, Window};
pub use z_test::PooledZTest;
