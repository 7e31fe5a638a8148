//! Gauss-Legendre quadrature: integrals without random numbers, the same to the bit at each run.

/// Nodes and weights on `[-1, 1]`.
pub(super) struct GaussLegendre {
    nodes: Vec<(f64, f64)>,
}

impl GaussLegendre {
    /// The rule with `order` nodes: the roots of the Legendre polynomial, by Newton's method.
    pub(super) fn new(order: u32) -> Self {
        let degree = f64::from(order);
        let nodes = (0..order).map(|index| {
            let mut node = (std::f64::consts::PI * (f64::from(index) + 0.75) / (degree + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..100 {
                let (value, derivative) = legendre(order, node);
                slope = derivative;
                let step = value / derivative;
                node -= step;
                if step.abs() < 1e-15 {
                    slope = legendre(order, node).1;
                    break;
                }
            }
            (node, 2.0 / ((1.0 - node * node) * slope * slope))
        });
        Self { nodes: nodes.collect() }
    }

    /// Nodes and weights on `[from, to]`.
    pub(super) fn on(&self, from: f64, to: f64) -> impl Iterator<Item = (f64, f64)> + '_ {
        let (half, middle) = (0.5 * (to - from), f64::midpoint(from, to));
        self.nodes.iter().map(move |(node, weight)| (middle + half * node, half * weight))
    }
}

/// The Legendre polynomial and its derivative, by their recursion.
fn legendre(order: u32, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for index in 2..=order {
        let index = f64::from(index);
        (before, value) = (value, ((2.0 * index - 1.0) * x * value - (index - 1.0) * before) / index);
    }
    let degree = f64::from(order);
    (value, degree * (x * value - before) / (x * x - 1.0))
}
