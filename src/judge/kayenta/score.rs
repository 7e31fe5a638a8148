//! From classified metrics to a verdict: groups, weights, critical metrics, thresholds.

use std::collections::BTreeMap;

use super::{
    classify::Label,
    config::ScoreThresholds,
    judgement::{GroupScore, MetricResult, Score, ScoreClass},
};

/// Percent of the metrics without data from which on the canary fails.
const NODATA_LIMIT: f64 = 50.0;

/// The verdict and what it is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The groups, in the order in which they first occur.
    pub groups: Vec<GroupScore>,
    /// The verdict.
    pub score: Score,
}

/// How metrics without a verdict are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    /// As Kayenta does: not at all, but too many of them, or a critical one, fail the canary.
    Kayenta,
    /// As something between passed and failed.
    Undecided {
        /// What one is worth; one that passed is worth 100, one that failed 0.
        worth: f64,
    },
}

impl Rule {
    /// What a metric is worth to its groups; none where it is not counted.
    fn worth(self, label: Label) -> Option<f64> {
        match (label, self) {
            (Label::Pass, _) => Some(100.0),
            (Label::High | Label::Low | Label::NodataFailMetric, _) => Some(0.0),
            (Label::Nodata | Label::Error, Self::Kayenta) => None,
            (Label::Nodata | Label::Error, Self::Undecided { worth }) => Some(worth),
        }
    }
}

/// Scores what came of the metrics as Kayenta does. Muted ones are left out.
pub fn score(weights: &BTreeMap<String, f64>, thresholds: &ScoreThresholds, results: &[MetricResult]) -> Scored {
    score_by(&Rule::Kayenta, weights, thresholds, results)
}

/// Scores what came of the metrics. Muted ones are left out.
pub(super) fn score_by(
    rule: &Rule,
    weights: &BTreeMap<String, f64>,
    thresholds: &ScoreThresholds,
    results: &[MetricResult],
) -> Scored {
    let counting: Vec<&MetricResult> = results.iter().filter(|result| !result.muted).collect();
    let tallies = tallies(*rule, &counting);
    let (value, reason) = match failure(*rule, &counting) {
        Some(reason) => (0.0, reason),
        None => (weighted_sum(weights, &tallies), String::new()),
    };
    let groups = tallies
        .iter()
        .map(|tally| GroupScore {
            name: tally.name.to_owned(),
            score: tally.mean().unwrap_or(0.0),
            classification: String::new(),
            classification_reason: String::new(),
        })
        .collect();
    let classification = if value >= thresholds.pass {
        ScoreClass::Pass
    } else if value >= thresholds.marginal {
        ScoreClass::Marginal
    } else {
        ScoreClass::Fail
    };
    Scored { groups, score: Score { score: value, classification, classification_reason: reason } }
}

/// What fails the canary whatever the groups say.
fn failure(rule: Rule, results: &[&MetricResult]) -> Option<String> {
    let critical = results.iter().find(|result| result.critical && result.classification != Label::Pass);
    if let Some(result) = critical {
        return Some(format!("Canary Failed: {}", result.classification_reason.as_deref().unwrap_or("null")));
    }
    if rule != Rule::Kayenta {
        return None;
    }
    let without_data = results.iter().filter(|result| result.classification == Label::Nodata).count();
    let percent = without_data as f64 / results.len() as f64 * 100.0;
    (percent >= NODATA_LIMIT).then(|| format!("Canary Failed: {NODATA_LIMIT}% or more metrics returned NODATA"))
}

/// What the metrics of a group are worth together.
struct Tally<'a> {
    name: &'a str,
    worth: f64,
    counted: f64,
}

impl Tally<'_> {
    /// The mean of its metrics; none where none is counted.
    fn mean(&self) -> Option<f64> {
        (self.counted > 0.0).then(|| self.worth / self.counted)
    }
}

fn tallies<'a>(rule: Rule, results: &[&'a MetricResult]) -> Vec<Tally<'a>> {
    let mut tallies: Vec<Tally<'a>> = Vec::new();
    for result in results {
        for group in &result.groups {
            let at = tallies.iter().position(|tally| tally.name == group).unwrap_or_else(|| {
                tallies.push(Tally { name: group, worth: 0.0, counted: 0.0 });
                tallies.len() - 1
            });
            if let Some(worth) = rule.worth(result.classification) {
                tallies[at].worth += worth;
                tallies[at].counted += 1.0;
            }
        }
    }
    tallies
}

/// The groups' scores by their weights. A group without a weight has an equal part of what the weights leave of 100,
/// which may be nothing or less; a group in which nothing is counted has passed.
fn weighted_sum(weights: &BTreeMap<String, f64>, tallies: &[Tally<'_>]) -> f64 {
    let unweighted = tallies.iter().filter(|tally| !weights.contains_key(tally.name)).count();
    let share = (100.0 - weights.values().sum::<f64>()) / unweighted as f64;
    let part =
        |tally: &Tally<'_>| tally.mean().unwrap_or(100.0) * (weights.get(tally.name).copied().unwrap_or(share) / 100.0);
    // `sum` would make -0 of nothing.
    round_to_cents(tallies.iter().fold(0.0, |sum, tally| sum + part(tally)))
}

/// Rounded to two decimals, halves away from 0, by the digits that people see: 1.005 is 1.01 though the number in the
/// machine is a little less.
fn round_to_cents(value: f64) -> f64 {
    let text = value.abs().to_string();
    let Some((whole, decimals)) = text.split_once('.').filter(|(_, decimals)| decimals.len() > 2) else { return value };
    let up = decimals.as_bytes()[2] >= b'5';
    let cents: Option<f64> = format!("{whole}{}", &decimals[..2]).parse().ok();
    // Scores are far below the numbers at which a cent is lost in rounding.
    cents.map_or(value, |cents| ((cents + f64::from(u8::from(up))) / 100.0).copysign(value))
}

#[cfg(test)]
mod tests {
    use super::round_to_cents;

    #[test]
    fn scores_are_rounded_as_people_round_them() {
        for (value, rounded) in [
            (200.0 / 3.0, 66.67),
            (1.005, 1.01),
            (2.5, 2.5),
            (100.0, 100.0),
            (-33.335, -33.34),
            (0.004, 0.0),
            (99.995, 100.0),
        ] {
            assert_eq!(round_to_cents(value).to_bits(), f64::to_bits(rounded), "{value}");
        }
    }
}
