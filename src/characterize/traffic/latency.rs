//! Latencies of both arms as histograms, tick by tick: lognormal, with what happens to both arms and what only the
//! canary does.

use super::super::stream::Stream;
use super::Course;
use crate::judge::Histogram;
use crate::judge::classical::distribution::{normal_cdf, normal_quantile};

/// The buckets of Prometheus' client libraries, in milliseconds.
const CLIENT_EDGES: [f64; 11] = [5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0];
/// The median of the stable version, in milliseconds, and the standard deviation of the logarithm: a 99th percentile of
/// 321 ms.
const MEDIAN: f64 = 50.0;
const SPREAD: f64 = 0.8;
/// Above this share of its requests the tail of a canary begins.
const TAIL: f64 = 0.05;

/// Latencies of a service in which a canary runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latencies {
    /// The buckets.
    pub edges: Edges,
    /// What the canary does to its requests.
    pub canary: Slowness,
    /// A factor on the latencies of both arms.
    pub both: Course,
    /// Noise of its own in each arm: the logarithm of a factor, autoregressive from tick to tick.
    pub noise: Option<ArmNoise>,
}

/// Which buckets the histograms have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edges {
    /// Those of Prometheus' client libraries.
    Client,
    /// Edges at a factor of the square root of 2, as native histograms of schema 1 have.
    Native,
}

/// What a canary does to its requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slowness {
    /// All take so many times as long; 1 for an equal one.
    All(f64),
    /// Only those beyond the 95th percentile do.
    Tail(f64),
}

/// Autoregressive noise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArmNoise {
    /// Standard deviation of the logarithm.
    pub deviation: f64,
    /// Correlation from one tick to the next.
    pub correlation: f64,
}

/// Latencies of one arm under way.
#[derive(Clone, Debug)]
pub struct LatencyArm {
    edges: Vec<f64>,
    slowness: Slowness,
    noise: Option<ArmNoise>,
    log_factor: Option<f64>,
    /// Requests by bucket of the tick, the last one above all edges.
    tick: Vec<f64>,
    /// Requests up to each edge since the beginning; the last one is infinity.
    cumulative: Vec<(f64, f64)>,
}

impl Latencies {
    /// An equal canary.
    pub const USUAL: Self =
        Self { edges: Edges::Client, canary: Slowness::All(1.0), both: Course::Constant(1.0), noise: None };

    /// The canary's latencies.
    pub fn canary(&self) -> LatencyArm {
        LatencyArm::new(self.edges, self.canary, self.noise)
    }

    /// The stable version's latencies.
    pub fn stable(&self) -> LatencyArm {
        LatencyArm::new(self.edges, Slowness::All(1.0), self.noise)
    }
}

impl Edges {
    fn values(self) -> Vec<f64> {
        match self {
            Self::Client => CLIENT_EDGES.to_vec(),
            Self::Native => (4..=28).map(|half| (f64::from(half) / 2.0).exp2()).collect(),
        }
    }
}

impl Slowness {
    /// The share of requests that take longer than `edge`, where the median of the stable version is `median`.
    fn above(self, edge: f64, median: f64) -> f64 {
        let above = |latency: f64| normal_cdf(-(latency / median).ln() / SPREAD);
        match self {
            Self::All(factor) => above(edge / factor),
            Self::Tail(factor) => {
                let tail = median * (SPREAD * normal_quantile(1.0 - TAIL)).exp();
                if edge <= tail { above(edge) } else { above((edge / factor).max(tail)) }
            }
        }
    }
}

impl LatencyArm {
    fn new(edges: Edges, slowness: Slowness, noise: Option<ArmNoise>) -> Self {
        let edges = edges.values();
        let cumulative = edges.iter().copied().chain([f64::INFINITY]).map(|edge| (edge, 0.0)).collect();
        Self { tick: vec![0.0; edges.len() + 1], edges, slowness, noise, log_factor: None, cumulative }
    }

    /// Draws the requests of one tick: `requests` on average, at `factor` times the usual latency.
    pub fn draw(&mut self, requests: f64, factor: f64, stream: &mut Stream) {
        let median = MEDIAN * factor * self.noise(stream).exp();
        let mut above = 1.0;
        for (index, edge) in self.edges.iter().enumerate() {
            let next = self.slowness.above(*edge, median);
            self.tick[index] = stream.poisson(requests * (above - next));
            above = next;
        }
        let last = self.edges.len();
        self.tick[last] = stream.poisson(requests * above);
        let mut below = 0.0;
        for ((_, cumulative), count) in self.cumulative.iter_mut().zip(&self.tick) {
            below += count;
            *cumulative += below;
        }
    }

    fn noise(&mut self, stream: &mut Stream) -> f64 {
        let Some(ArmNoise { deviation, correlation }) = self.noise else { return 0.0 };
        let next = match self.log_factor {
            None => deviation * stream.normal(),
            Some(last) => correlation * last + deviation * (1.0 - correlation * correlation).sqrt() * stream.normal(),
        };
        self.log_factor = Some(next);
        next
    }

    /// Requests of the tick by bucket.
    pub fn tick(&self) -> &[f64] {
        &self.tick
    }

    /// The histogram of the tick; none where it had no requests.
    pub fn tick_histogram(&self) -> Option<Histogram> {
        let mut below = 0.0;
        let edges = self.cumulative.iter().map(|(edge, _)| *edge);
        let cumulative: Vec<(f64, f64)> = edges
            .zip(&self.tick)
            .map(|(edge, count)| {
                below += count;
                (edge, below)
            })
            .collect();
        Histogram::classic(&cumulative, None).ok().filter(|_| below > 0.0)
    }

    /// The histogram of all requests so far, as a server shows it.
    pub fn histogram(&self) -> Option<Histogram> {
        Histogram::classic(&self.cumulative, None).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantiles_are_those_that_the_tables_speak_of() {
        let p99 = MEDIAN * (SPREAD * normal_quantile(0.99)).exp();
        assert!((p99 - 321.0).abs() < 1.0, "{p99}");
        assert!((Slowness::All(1.0).above(MEDIAN, MEDIAN) - 0.5).abs() < 1e-12);
        // A fifth slower: as many requests are above 120 ms as were above 100 ms.
        let (usual, slower) = (Slowness::All(1.0), Slowness::All(1.2));
        assert!((slower.above(120.0, MEDIAN) - usual.above(100.0, MEDIAN)).abs() < 1e-12);
        // Only the tail: nothing changes up to the 95th percentile (186 ms), and beyond it as for all.
        let tail = Slowness::Tail(1.2);
        assert!((tail.above(100.0, MEDIAN) - usual.above(100.0, MEDIAN)).abs() < 1e-12);
        assert!((tail.above(300.0, MEDIAN) - slower.above(300.0, MEDIAN)).abs() < 1e-12);
        // Here one way leads through the quantile and the other back through the distribution function, which has ten digits.
        assert!((tail.above(200.0, MEDIAN) - TAIL).abs() < 1e-10 * TAIL, "{}", tail.above(200.0, MEDIAN));
    }

    #[test]
    fn what_is_drawn_has_the_shares_that_were_asked_for_and_adds_up() {
        let mut arm = Latencies { edges: Edges::Native, ..Latencies::USUAL }.stable();
        let mut stream = Stream::of(1, "latency", 0);
        for _ in 0..100 {
            arm.draw(1000.0, 1.0, &mut stream);
        }
        let all = arm.histogram().unwrap();
        let edge = 4.0 * 2f64.powi(6);
        let above = all.above(edge).unwrap() / all.count();
        let expected = Slowness::All(1.0).above(edge, MEDIAN);
        assert!((above - expected).abs() < 4.0 * (expected / 100_000.0).sqrt(), "{above} {expected}");
        assert!((arm.tick_histogram().unwrap().count() - arm.tick().iter().sum::<f64>()).abs() < 1e-9);
    }
}
