//! A root of a function between two points, by Brent's method (R. P. Brent, *Algorithms for Minimization without
//! Derivatives*, 1973, chapter 4), which `zeroin` of Netlib, R's `uniroot` and Kayenta use.
//!
//! Where the search ends depends on each step of it, and a verdict may depend on where it ends: so the tolerance and the
//! order of the steps are Kayenta's.

/// Half of the interval that a root is searched down to, beside the rounding of numbers. It is absolute: the interval of
/// data smaller than this is lost in it.
const TOLERANCE: f64 = 1e-4;
/// Steps after which the search gives up and takes what it has.
const STEPS: usize = 1001;

/// A point and the function's value there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) at: f64,
    pub(super) value: f64,
}

/// The root between two points.
///
/// # Errors
/// The first error of the function.
pub(super) fn root<E>(low: Point, high: Point, mut function: impl FnMut(f64) -> Result<f64, E>) -> Result<f64, E> {
    if low.value == 0.0 {
        return Ok(low.at);
    }
    // `best` is the best guess, `earlier` the one before it, and the root is between `best` and `other`.
    let (mut earlier, mut best, mut other) = (low, high, low);
    if best.value == 0.0 {
        return Ok(best.at);
    }
    for _ in 0..STEPS {
        let last_step = best.at - earlier.at;
        if other.value.abs() < best.value.abs() {
            (earlier, best, other) = (best, other, best);
        }
        let tolerance = 2.0 * f64::EPSILON * best.at.abs() + TOLERANCE / 2.0;
        let half = (other.at - best.at) / 2.0;
        if half.abs() <= tolerance || best.value == 0.0 {
            return Ok(best.at);
        }
        let trusted = last_step.abs() >= tolerance && earlier.value.abs() > best.value.abs();
        let step = match trusted.then(|| interpolated(earlier, best, other)) {
            Some((numerator, denominator))
                if numerator < 0.75 * (other.at - best.at) * denominator - (tolerance * denominator).abs() / 2.0
                    && numerator < (last_step * denominator / 2.0).abs() =>
            {
                numerator / denominator
            }
            _ => half,
        };
        let step = match step.abs() < tolerance {
            true if step > 0.0 => tolerance,
            true => -tolerance,
            false => step,
        };
        earlier = best;
        best.at += step;
        best.value = function(best.at)?;
        if (best.value > 0.0 && other.value > 0.0) || (best.value < 0.0 && other.value < 0.0) {
            other = earlier;
        }
    }
    Ok(best.at)
}

/// The step that interpolation suggests, as numerator and denominator: linear where there are two points, inverse
/// quadratic where there are three. The numerator is not negative.
#[expect(clippy::float_cmp, reason = "whether two points are one and the same, not whether they are near")]
fn interpolated(earlier: Point, best: Point, other: Point) -> (f64, f64) {
    let width = other.at - best.at;
    let to_earlier = best.value / earlier.value;
    let (numerator, denominator) = if earlier.at == other.at {
        (width * to_earlier, 1.0 - to_earlier)
    } else {
        let across = earlier.value / other.value;
        let to_other = best.value / other.value;
        (
            to_earlier * (width * across * (across - to_other) - (best.at - earlier.at) * (to_other - 1.0)),
            (across - 1.0) * (to_other - 1.0) * (to_earlier - 1.0),
        )
    };
    if numerator > 0.0 { (numerator, -denominator) } else { (-numerator, denominator) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solve(low: f64, high: f64, function: impl Fn(f64) -> f64) -> f64 {
        let point = |at: f64| Point { at, value: function(at) };
        match root(point(low), point(high), |at| Ok::<f64, std::convert::Infallible>(function(at))) {
            Ok(found) => found,
            Err(never) => match never {},
        }
    }

    #[test]
    fn a_root_is_found_to_the_tolerance() {
        for (found, root) in [
            (solve(0.0, 10.0, |at| at * at - 2.0), 2f64.sqrt()),
            (solve(-3.0, 1.0, |at| at.exp() - 0.5), 0.5f64.ln()),
            (solve(0.0, 4.0, |at| (at - 1.0).powi(3)), 1.0),
        ] {
            assert!((found - root).abs() <= TOLERANCE, "{found} is not {root}");
        }
    }

    #[test]
    fn an_end_that_is_a_root_is_taken() {
        assert_eq!(solve(1.0, 2.0, |at| at - 1.0).to_bits(), 1f64.to_bits());
        assert_eq!(solve(1.0, 2.0, |at| at - 2.0).to_bits(), 2f64.to_bits());
    }
}
