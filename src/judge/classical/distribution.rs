//! Distribution functions and quantiles, to the accuracy that the tests need.

use statrs::distribution::{Continuous, ContinuousCDF, Normal, StudentsT};
use statrs::function::beta::beta_reg;
use statrs::function::erf::erfc;
use statrs::function::gamma::{gamma_ur, ln_gamma as statrs_ln_gamma};

/// Below this the normal distribution function is reckoned by its continued fraction.
const DEEP_TAIL: f64 = -5.0;
/// Terms of the continued fraction: from `DEEP_TAIL` on they give all digits of a float.
const FRACTION_TERMS: u32 = 80;

/// `ln Gamma(x)` for `x > 0`.
pub fn ln_gamma(x: f64) -> f64 {
    statrs_ln_gamma(x)
}

/// The standard normal distribution function, to ten digits: the constants of the library's `erfc` are rounded to those.
/// [`normal_quantile`] has all digits of a float, so going there and back is as exact as this one.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z / std::f64::consts::SQRT_2)
}

/// `ln` of [`normal_cdf`], also where that is too small for a float.
pub fn ln_normal_cdf(z: f64) -> f64 {
    if z < DEEP_TAIL {
        // Laplace's continued fraction of Mills' ratio: density / cdf = x + 1/(x + 2/(x + 3/(x + ...))), x = -z.
        let x = -z;
        let ratio = (1..=FRACTION_TERMS).rev().fold(x, |tail, term| x + f64::from(term) / tail);
        return -0.5 * z * z - 0.5 * (2.0 * std::f64::consts::PI).ln() - ratio.ln();
    }
    if z > 0.0 { (-normal_cdf(-z)).ln_1p() } else { normal_cdf(z).ln() }
}

/// The value that a standard normal number stays below with the chance `probability` in (0, 1).
pub fn normal_quantile(probability: f64) -> f64 {
    Normal::standard().inverse_cdf(probability)
}

/// The chance that Student's t with `degrees` degrees of freedom (above 0, not necessarily whole) exceeds `t`.
pub fn student_upper(t: f64, degrees: f64) -> f64 {
    let square = t * t;
    // Of the two forms the one whose argument is not near 1, where digits would be lost.
    let tail = if square < degrees {
        0.5 - 0.5 * beta_cdf(square / (degrees + square), 0.5, 0.5 * degrees)
    } else {
        0.5 * beta_cdf(degrees / (degrees + square), 0.5 * degrees, 0.5)
    };
    if t >= 0.0 { tail } else { 1.0 - tail }
}

/// The value that Student's t with `degrees` degrees of freedom stays below with the chance `probability` in (0, 1).
pub fn student_quantile(probability: f64, degrees: f64) -> f64 {
    let Ok(student) = StudentsT::new(0.0, 1.0, degrees) else { return f64::NAN };
    let tail = probability.min(1.0 - probability);
    let mut quantile = student.inverse_cdf(tail).abs();
    // Newton's method from the library's answer, which is good to nine digits or so.
    for _ in 0..3 {
        let step = (student_upper(quantile, degrees) - tail) / student.pdf(quantile);
        if step.is_finite() {
            quantile += step;
        }
    }
    if probability < 0.5 { -quantile } else { quantile }
}

/// The chance that chi-squared with `degrees` degrees of freedom exceeds `x`.
pub fn chi_squared_upper(x: f64, degrees: f64) -> f64 {
    if x > 0.0 { gamma_ur(0.5 * degrees, 0.5 * x) } else { 1.0 }
}

/// The regularised incomplete beta function: the chance that Beta(`a`, `b`) is at most `x`.
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    match x {
        _ if x <= 0.0 => 0.0,
        _ if x >= 1.0 => 1.0,
        _ => beta_reg(a, b, x),
    }
}

/// The value that Beta(`a`, `b`) stays below with the chance `probability` in (0, 1): bisection of [`beta_cdf`].
pub fn beta_quantile(probability: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return middle;
        }
        if beta_cdf(middle, a, b) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
}
