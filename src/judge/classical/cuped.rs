//! CUPED (Deng, Xu, Kohavi and Walker 2013): a value known from before the experiment takes out of a goal's variance
//! what it explains.

/// The adjustment that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Cuped {
    /// How much of the earlier value's deviation is taken off: covariance over variance, from both arms together.
    pub theta: f64,
    /// The goal's values after adjustment; their mean is unchanged.
    pub adjusted: Vec<f64>,
    /// Variance after adjustment relative to before; below 1 is a gain.
    pub variance_ratio: f64,
}

/// Adjusts `goal` by `before`, value by value; none if they are not of one length, or one of them doesn't vary. `before`
/// must not be influenced by the experiment.
pub fn adjust(goal: &[f64], before: &[f64]) -> Option<Cuped> {
    if goal.len() != before.len() || goal.is_empty() {
        return None;
    }
    let (goal_mean, before_mean) = (mean(goal), mean(before));
    let covariance: f64 =
        goal.iter().zip(before).map(|(goal, before)| (goal - goal_mean) * (before - before_mean)).sum();
    let variance = squares(before, before_mean);
    let goal_variance = squares(goal, goal_mean);
    if !(variance > 0.0 && goal_variance > 0.0) {
        return None;
    }
    let theta = covariance / variance;
    let adjusted: Vec<f64> =
        goal.iter().zip(before).map(|(goal, before)| goal - theta * (before - before_mean)).collect();
    let variance_ratio = squares(&adjusted, mean(&adjusted)) / goal_variance;
    Some(Cuped { theta, adjusted, variance_ratio })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn squares(values: &[f64], mean: f64) -> f64 {
    values.iter().map(|value| (value - mean).powi(2)).sum()
}
