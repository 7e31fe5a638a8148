//! The distribution of the largest distance of the Kolmogorov-Smirnov test: its limit, and that of one sample.

use super::distribution::ln_gamma;
use super::whole;

/// `P(K > x)` for Kolmogorov's limit distribution.
pub(super) fn limit_upper(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x < 1.0 {
        // The theta function's other series converges where the first does not.
        let terms = (1..=20).map(|k| (-(f64::from(2 * k - 1) * std::f64::consts::PI / x).powi(2) / 8.0).exp());
        return 1.0 - (2.0 * std::f64::consts::PI).sqrt() / x * terms.sum::<f64>();
    }
    let terms = (1..=20).map(|k| {
        let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
        sign * (-2.0 * (f64::from(k) * x).powi(2)).exp()
    });
    terms.sum()
}

/// From here on (`size * distance^2`) a sample is never that far off in both directions at once: the chance of it is
/// below 1e-10 of the chance of one.
const FAR: f64 = 3.8;

/// `P(D+ > distance)` for the distance in one direction of `size` values (Smirnov 1944, Birnbaum and Tingey 1951): a sum
/// of positive terms.
fn one_sided_upper(distance: f64, size: f64) -> f64 {
    let mut sum = 0.0;
    let mut index = 0.0;
    while index <= size * (1.0 - distance) {
        let below = distance + index / size;
        let chances = ln_gamma(size + 1.0) - ln_gamma(index + 1.0) - ln_gamma(size - index + 1.0);
        let rest = (size - index) * (1.0 - below).max(0.0).ln();
        // The last term may be 0 to the power of 0.
        let rest = if size - index > 0.0 { rest } else { 0.0 };
        sum += (chances + rest + (index - 1.0) * below.ln()).exp();
        index += 1.0;
    }
    distance * sum
}

/// `P(D > distance)` for one sample of `size` values: the matrix power of Marsaglia, Tsang and Wang (2003).
pub(super) fn one_sample_upper(distance: f64, size: f64) -> f64 {
    let product = size * distance;
    let k = product.ceil();
    if product <= 0.5 {
        return 1.0;
    }
    if distance >= 1.0 {
        return 0.0;
    }
    if distance >= 0.5 || product * distance > FAR {
        return 2.0 * one_sided_upper(distance, size);
    }
    let order = whole(2.0 * k - 1.0);
    let h = k - product;
    let matrix = marsaglia_matrix(order, h);
    let (power, mut scale) = power(&matrix, whole(size));
    let middle = whole(k) - 1;
    let mut inside = power[middle][middle];
    let mut step = 1.0;
    while step <= size {
        inside *= step / size;
        if inside < 1e-140 {
            inside *= 1e140;
            scale -= 140;
        }
        step += 1.0;
    }
    1.0 - inside * 10f64.powi(scale)
}

type Matrix = Vec<Vec<f64>>;

fn marsaglia_matrix(order: usize, h: f64) -> Matrix {
    let mut matrix: Matrix =
        (0..order).map(|row| (0..order).map(|column| if row + 1 >= column { 1.0 } else { 0.0 }).collect()).collect();
    for (index, row) in matrix.iter_mut().enumerate() {
        row[0] -= int_power(h, index + 1);
    }
    for (index, value) in matrix[order - 1].iter_mut().enumerate() {
        *value -= int_power(h, order - index);
    }
    if 2.0 * h > 1.0 {
        matrix[order - 1][0] += int_power(2.0 * h - 1.0, order);
    }
    for (row, values) in matrix.iter_mut().enumerate() {
        for (column, value) in values.iter_mut().enumerate() {
            for divisor in 2..=(row + 1).saturating_sub(column) {
                *value /= divisor as f64;
            }
        }
    }
    matrix
}

/// The matrix to the power, with a power of ten that was taken out of it.
fn power(matrix: &Matrix, exponent: usize) -> (Matrix, i32) {
    if exponent <= 1 {
        return (matrix.clone(), 0);
    }
    let (half, half_scale) = power(matrix, exponent / 2);
    let mut result = multiply(&half, &half);
    let mut scale = 2 * half_scale;
    if exponent % 2 == 1 {
        result = multiply(matrix, &result);
    }
    if result[result.len() / 2][result.len() / 2] > 1e140 {
        for value in result.iter_mut().flatten() {
            *value *= 1e-140;
        }
        scale += 140;
    }
    (result, scale)
}

fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    let product = |row: &Vec<f64>, column: usize| row.iter().zip(b).map(|(value, other)| value * other[column]).sum();
    a.iter().map(|row| (0..b.len()).map(|column| product(row, column)).collect()).collect()
}

fn int_power(base: f64, exponent: usize) -> f64 {
    i32::try_from(exponent).map_or(0.0, |exponent| base.powi(exponent))
}
