//! Histograms, latencies and gauges: what holds whatever they are fed, and how often they are wrong.

mod gauge;
mod histogram;
mod latency;
mod simulation;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

/// Runs the claim on that many cases and prints how many there were. A failing case is shown in its smallest form; no
/// file is written beside the sources.
fn holds<S: Strategy>(cases: u32, inputs: &S, claim: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    if let Err(failure) = runner.run(inputs, claim) {
        panic!("{failure}");
    }
    println!("held in {cases} cases");
}
