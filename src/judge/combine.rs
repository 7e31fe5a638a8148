//! Joins the evidence of several metrics.

use super::log_space::log_sum_exp;

/// The evidence that a decision at `level` needs: `ln(1 / level)`. By Ville's inequality an e-process reaches it under
/// its null with a probability of at most `level`, whenever and however often one looks.
pub fn log_threshold(level: f64) -> f64 {
    -level.ln()
}

/// `ln` of the weighted mean of e-values, from pairs of log evidence and weight. The weights need not sum to 1;
/// those that are not above 0 don't count. 0 (an e-value of 1) when nothing counts.
///
/// A mean of e-values is an e-value however the metrics depend on each other, and one metric alone can pass the
/// threshold: the mean is never stricter than a Bonferroni split of the level.
pub fn log_weighted_mean(evidence: &[(f64, f64)]) -> f64 {
    let counting = || evidence.iter().filter(|(_, weight)| *weight > 0.0);
    let total: f64 = counting().map(|(_, weight)| weight).sum();
    if total <= 0.0 {
        return 0.0;
    }
    let terms: Vec<f64> = counting().map(|(log_evidence, weight)| log_evidence + (weight / total).ln()).collect();
    log_sum_exp(&terms)
}

/// The e-BH procedure: indices (ascending) of the metrics that may be called harmed while at most `level` of such
/// calls are false on average, under any dependence (Wang and Ramdas 2022). For warnings, not for decisions.
pub fn e_bh(log_evidence: &[f64], level: f64) -> Vec<usize> {
    let mut descending: Vec<usize> = (0..log_evidence.len()).collect();
    descending.sort_by(|a, b| log_evidence[*b].total_cmp(&log_evidence[*a]));
    let count = descending.len() as f64;
    let passes = |rank: usize| log_evidence[descending[rank - 1]] >= (count / (level * rank as f64)).ln();
    let called = (1..=descending.len()).rev().find(|rank| passes(*rank)).unwrap_or(0);
    descending.truncate(called);
    descending.sort_unstable();
    descending
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_ten_metrics_can_decide_alone() {
        let mut evidence = [(0.0, 1.0); 10];
        evidence[3].0 = 1000f64.ln();
        assert!(log_weighted_mean(&evidence) >= log_threshold(0.01));
    }

    #[test]
    fn no_metric_is_no_evidence() {
        assert_eq!(log_weighted_mean(&[]).to_bits(), 0f64.to_bits());
        assert_eq!(log_weighted_mean(&[(50.0, 0.0)]).to_bits(), 0f64.to_bits());
        assert!(e_bh(&[], 0.1).is_empty());
    }
}
