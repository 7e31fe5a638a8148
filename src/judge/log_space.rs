//! Sums of numbers of which only the logarithms fit into a float. Evidence easily passes `exp(700)`.

/// `ln(exp(a) + exp(b))`. Negative infinity stands for zero and is kept.
pub fn log_add_exp(a: f64, b: f64) -> f64 {
    let (larger, smaller) = if a >= b { (a, b) } else { (b, a) };
    if larger == f64::NEG_INFINITY {
        return larger;
    }
    larger + (smaller - larger).exp().ln_1p()
}

/// `ln(sum of exp(value))`, summed in the order of the slice; negative infinity for an empty one.
pub fn log_sum_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    let sum: f64 = values.iter().map(|value| (value - largest).exp()).sum();
    largest + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_plus_zero_is_zero_and_not_nan() {
        let zeros =
            [log_add_exp(f64::NEG_INFINITY, f64::NEG_INFINITY), log_sum_exp(&[f64::NEG_INFINITY; 3]), log_sum_exp(&[])];
        assert_eq!(zeros.map(f64::to_bits), [f64::NEG_INFINITY.to_bits(); 3]);
    }

    #[test]
    fn numbers_beyond_the_range_of_floats_are_summed() {
        assert!((log_add_exp(5000.0, 5000.0) - (5000.0 + 2f64.ln())).abs() < 1e-12);
        assert!((log_sum_exp(&[-5000.0, -5000.0, f64::NEG_INFINITY]) - (-5000.0 + 2f64.ln())).abs() < 1e-12);
    }
}
