//! Adjusted p-values for several tests at once.

/// Benjamini and Hochberg (1995): called at `q`, a share of at most `q` of the calls is false on average, for
/// independent tests. For e-values, under any dependence, see [`super::super::combine::e_bh`].
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let order = ascending(p_values);
    let count = p_values.len() as f64;
    let mut adjusted = vec![0.0; p_values.len()];
    let mut least = 1f64;
    for (rank, index) in order.iter().enumerate().rev() {
        least = least.min(p_values[*index] * count / (rank as f64 + 1.0));
        adjusted[*index] = least;
    }
    adjusted
}

/// Holm (1979): called at `level`, the chance of any false call is at most `level`, under any dependence.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let order = ascending(p_values);
    let count = p_values.len() as f64;
    let mut adjusted = vec![0.0; p_values.len()];
    let mut most = 0f64;
    for (rank, index) in order.iter().enumerate() {
        most = most.max((p_values[*index] * (count - rank as f64)).min(1.0));
        adjusted[*index] = most;
    }
    adjusted
}

fn ascending(p_values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    order
}
