//! A histogram of one series, classic or native, as buckets that don't overlap.
//!
//! The judge asks it only one thing: how many observations were above an edge. The answer is unknown where the edge
//! lies inside a bucket. With that, histograms of different layouts are compared on the edges that both know: for
//! classic ones these are the `le` values in both, for native ones the edges of the coarser schema. Native histograms
//! leave out empty buckets, so a place without a bucket is known to be empty.

use thiserror::Error;

mod classic;
mod native;
mod quantile;

pub use classic::edge_of_labels;
pub use native::NativeBucket;

/// Edges that differ by less than this part are the same edge: they are decimal texts of computed powers. The finest
/// native schema has edges that are 0.27 % apart.
const SAME_EDGE: f64 = 1e-9;
/// Whole numbers above this can't all be told apart in a float, and no counter comes so far.
const LARGEST_COUNT: f64 = 9_007_199_254_740_992.0; // 2^53

/// How the edges of a histogram are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Edges that the application chose, one counter for each (`le`).
    Classic,
    /// Native: edges at `2^(i / 2^schema)` for all integers `i`; empty buckets are left out.
    Exponential {
        /// Resolution, from -4 (factor 65536) to 8 (factor 1.0027).
        schema: i8,
    },
    /// Native with edges that the application chose, or a sum of unlike histograms; empty buckets are left out.
    Custom,
}

/// The observations in `(lower, upper]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Lower edge; may be negative infinity.
    pub lower: f64,
    /// Upper edge; may be infinity.
    pub upper: f64,
    /// Observations in this bucket alone, not cumulative; from 0 to 2^53.
    pub count: f64,
}

/// Buckets of one series at one time, or what came in between two times.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    layout: Layout,
    /// Ascending, not overlapping.
    buckets: Vec<Bucket>,
    count: f64,
    sum: Option<f64>,
    repaired: f64,
    open: bool,
}

/// Why something is no histogram.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum HistogramProblem {
    /// No bucket at all.
    #[error("the histogram has no buckets")]
    Empty,
    /// A summary was given.
    #[error(
        "the series has a `quantile` label and no `le`: it is a summary, whose quantiles can neither be added up nor compared; give a histogram"
    )]
    Summary,
    /// Not a histogram's series.
    #[error(
        "the series has no `le` label and is no native histogram; query the `_bucket` series, without aggregation over `le`"
    )]
    NoEdge,
    /// The label `le` or a bound is not a number.
    #[error("the bucket edge `{edge}` is not a number")]
    BadEdge {
        /// The edge as given.
        edge: String,
    },
    /// Fewer than none, more than 2^53, or not a number.
    #[error("the bucket up to {upper} counts {count}, which is no count")]
    BadCount {
        /// The bucket's upper edge.
        upper: f64,
        /// The count as given.
        count: f64,
    },
    /// Two buckets cover the same values.
    #[error("the buckets up to {first} and up to {second} overlap")]
    Overlap {
        /// Upper edge of the one.
        first: f64,
        /// Upper edge of the other.
        second: f64,
    },
}

impl Histogram {
    /// Cumulative counts by upper edge, in any order; counts of equal edges are added up. `count` is the total where
    /// the source gives one apart (`_count`); it stands in for a missing `+Inf` bucket.
    ///
    /// Counts that fall from one edge to the next are raised to the largest before, see
    /// [`repaired`](Self::repaired).
    pub fn classic(cumulative: &[(f64, f64)], count: Option<f64>) -> Result<Self, HistogramProblem> {
        classic::decode(cumulative, count)
    }

    /// A native histogram as Prometheus' JSON gives it; the schema is found from the bounds.
    pub fn native(buckets: &[NativeBucket], sum: Option<f64>) -> Result<Self, HistogramProblem> {
        native::decode(buckets, sum)
    }

    /// How the edges are made.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// All buckets, ascending.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// All observations.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Sum of all observed values, where it is known.
    pub fn sum(&self) -> Option<f64> {
        self.sum
    }

    /// The same histogram with the sum of all observed values, which classic histograms carry in a series of its own.
    #[must_use]
    pub fn with_sum(self, sum: Option<f64>) -> Self {
        Self { sum: sum.filter(|sum| sum.is_finite()), ..self }
    }

    /// How many observations had to be moved to make cumulative counts rise; 0 for a sound histogram.
    pub fn repaired(&self) -> f64 {
        self.repaired
    }

    /// Whether the `+Inf` bucket is missing, so that observations above the largest edge are in no count.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Finite upper edges, ascending.
    pub fn edges(&self) -> impl Iterator<Item = f64> {
        self.buckets.iter().map(|bucket| bucket.upper).filter(|edge| edge.is_finite())
    }

    /// Observations of at most `edge`; unknown when the edge lies inside a bucket.
    pub fn at_or_below(&self, edge: f64) -> Option<f64> {
        let mut below = 0.0;
        for bucket in &self.buckets {
            if is_at_most(bucket.upper, edge) {
                below += bucket.count;
            } else if is_at_most(edge, bucket.lower) {
                break;
            } else {
                return None;
            }
        }
        Some(below)
    }

    /// Observations above `edge`; unknown when the edge lies inside a bucket.
    pub fn above(&self, edge: f64) -> Option<f64> {
        Some(self.count - self.at_or_below(edge)?)
    }

    /// The observations of both, on the edges that both know.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let cumulative = self.on_common_edges(other).map(|(edge, own, others)| (edge, own + others));
        self.rebuilt(other, cumulative, self.repaired + other.repaired, self.count + other.count)
            .with_sum(self.sum.zip(other.sum).map(|(own, others)| own + others))
    }

    /// What came since `base`, on the edges that both know. A histogram in which any count fell has been reset and
    /// counts from nothing. None when the layout has changed, so that there is nothing to compare with.
    pub fn since(&self, base: &Self) -> Option<Self> {
        let same_layout = match (self.layout, base.layout) {
            (Layout::Classic, Layout::Classic) => {
                self.open == base.open && self.edges().map(f64::to_bits).eq(base.edges().map(f64::to_bits))
            }
            (Layout::Exponential { .. }, Layout::Exponential { .. }) => true,
            (Layout::Custom, Layout::Custom) => {
                base.edges().all(|edge| self.at_or_below(edge).is_some())
                    && self.edges().all(|edge| base.at_or_below(edge).is_some())
            }
            _ => false,
        };
        if !same_layout {
            return None;
        }
        let fell = self.count < base.count || self.on_common_edges(base).any(|(_, now, before)| now < before);
        if fell {
            return Some(self.clone());
        }
        let growth = self.on_common_edges(base).map(|(edge, now, before)| (edge, now - before));
        let sum = self.sum.zip(base.sum).map(|(now, before)| now - before);
        Some(self.rebuilt(base, growth, self.repaired, self.count - base.count).with_sum(sum))
    }

    /// Edges that both know, ascending, with the counts up to there.
    fn on_common_edges<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (f64, f64, f64)> + 'a {
        let bounds = |histogram: &'a Self| histogram.buckets.iter().flat_map(|bucket| [bucket.lower, bucket.upper]);
        let mut edges: Vec<f64> = bounds(self).chain(bounds(other)).filter(|edge| edge.is_finite()).collect();
        edges.sort_by(f64::total_cmp);
        edges.dedup_by(|later, earlier| is_at_most(*later, *earlier));
        let mut own = Sweep::of(self);
        let mut others = Sweep::of(other);
        edges.into_iter().filter_map(move |edge| {
            // Both sweeps must advance at each edge.
            let (own, others) = (own.advance(edge), others.advance(edge));
            Some((edge, own?, others?))
        })
    }

    /// Buckets from cumulative counts, which are made to rise.
    fn rebuilt(&self, other: &Self, cumulative: impl Iterator<Item = (f64, f64)>, repaired: f64, count: f64) -> Self {
        let layout = match (self.layout, other.layout) {
            (Layout::Classic, Layout::Classic) => Layout::Classic,
            (Layout::Exponential { schema: own }, Layout::Exponential { schema: others }) => {
                Layout::Exponential { schema: own.min(others) }
            }
            _ => Layout::Custom,
        };
        let open = self.open || other.open;
        let mut built = Builder { layout, buckets: Vec::new(), lower: f64::NEG_INFINITY, below: 0.0, repaired: 0.0 };
        for (edge, below) in cumulative {
            built.bucket(edge, below);
        }
        if !open {
            built.bucket(f64::INFINITY, count);
        }
        Self {
            layout,
            buckets: built.buckets,
            count: built.below,
            sum: None,
            repaired: repaired + built.repaired,
            open,
        }
    }
}

/// Buckets from cumulative counts in ascending order of their edges.
struct Builder {
    layout: Layout,
    buckets: Vec<Bucket>,
    lower: f64,
    below: f64,
    /// The most by which a count had to be raised.
    repaired: f64,
}

impl Builder {
    fn bucket(&mut self, upper: f64, below: f64) {
        self.repaired = self.repaired.max(self.below - below);
        let below = below.max(self.below);
        let count = below - self.below;
        if count > 0.0 || self.layout == Layout::Classic {
            self.buckets.push(Bucket { lower: self.lower, upper, count });
        }
        self.lower = upper;
        self.below = below;
    }
}

/// Counts up to edges that are asked for in ascending order, in one pass over the buckets.
struct Sweep<'a> {
    rest: &'a [Bucket],
    below: f64,
}

impl<'a> Sweep<'a> {
    fn of(histogram: &'a Histogram) -> Self {
        Self { rest: &histogram.buckets, below: 0.0 }
    }

    fn advance(&mut self, edge: f64) -> Option<f64> {
        while let [bucket, rest @ ..] = self.rest
            && is_at_most(bucket.upper, edge)
        {
            self.below += bucket.count;
            self.rest = rest;
        }
        let inside = self.rest.first().is_some_and(|bucket| !is_at_most(edge, bucket.lower));
        (!inside).then_some(self.below)
    }
}

/// Whether a number can be a count.
fn is_count(count: f64) -> bool {
    (0.0..=LARGEST_COUNT).contains(&count)
}

/// `a <= b`, where edges that differ only by rounding are equal.
fn is_at_most(a: f64, b: f64) -> bool {
    a <= b || (a.is_finite() && a - b <= SAME_EDGE * a.abs())
}

#[cfg(test)]
mod tests;
