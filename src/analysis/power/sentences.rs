//! What a plan can see, said in sentences: the same at the command line and in the condition of a Rollout that starts.

use super::{Course, Ending, Power, Regression, StepPower};
use crate::judge::Worse;
use crate::model::words::{count, factor, percent, seconds};

impl Regression {
    /// `×2.3 (from 0.5 % to 1.2 %)`, or `from 0 % to 0.8 %` where there is no rate to multiply.
    pub fn explain(&self) -> String {
        let change = format!("from {} to {}", percent(self.rate - self.added), percent(self.rate));
        self.factor.map_or_else(|| change.clone(), |times| format!("{} ({change})", factor(times)))
    }
}

impl Power {
    /// All in one sentence without a full stop, for a condition.
    pub fn explain(&self) -> String {
        let question = &self.question;
        let steps: Vec<String> = self.steps.iter().map(step).collect();
        let good = match self.good_version {
            Some(times) => format!("a good version takes about {} in all", seconds(times.median_seconds)),
            None => "a good version will not pass every step in time".to_owned(),
        };
        format!(
            "{} at {} requests/s and {}: {}; {good}",
            question.metric,
            crate::model::words::number(question.requests_per_second),
            percent(question.rate),
            steps.join("; "),
        )
    }
}

fn step(step: &StepPower) -> String {
    let weight = weight(step);
    let found = step.smallest.map_or_else(
        || "finds no regression".to_owned(),
        |smallest| format!("finds {} within {}", smallest.explain(), seconds(step.max_seconds)),
    );
    let safe = step.safe.map_or_else(
        || "can't show safety".to_owned(),
        |safe| format!("shows safety in about {}", seconds(safe.median_seconds.max(step.min_seconds))),
    );
    format!("{weight} {found} and {safe}")
}

impl Course {
    /// What becomes of the version: `found after about 4 min in the step at 25 %, 1,200 requests meet it`.
    pub fn explain(&self, weights: &[f64]) -> String {
        let step = weights
            .get(self.step)
            .map_or_else(String::new, |weight| format!(" in the step at {}", percent(weight / 100.0)));
        let (requests, events) = (count(self.requests), count(self.extra_events.abs().ceil()));
        let meanwhile = if self.extra_events < 0.0 {
            format!("{requests} requests meet it, about {events} wanted events are missed")
        } else {
            format!("{requests} requests meet it, about {events} more of them fail")
        };
        let time = seconds(self.times.median_seconds);
        match self.ending {
            Ending::Found => format!("found after about {time}{step}; {meanwhile}"),
            Ending::TimedOut => format!("not found: no decision{step}, which ends after about {time}; {meanwhile}"),
            Ending::Passed => format!("passes all steps after about {time}; {meanwhile}"),
        }
    }
}

/// What the plan will not do though one might expect it.
pub(super) fn warnings(power: &Power) -> Vec<String> {
    let mut warnings = Vec::new();
    for step in &power.steps {
        let weight = weight(step);
        let longest = seconds(step.max_seconds);
        match step.safe {
            None => warnings.push(format!(
                "{weight} can't show that a version is safe: there is no traffic to compare, so no version passes it"
            )),
            Some(safe) if safe.median_seconds > step.max_seconds => warnings.push(format!(
                "{weight} needs about {} to show that a good version is safe, and ends after {longest}: most good versions run into its time limit; give it more time or weight, or a wider margin",
                seconds(safe.median_seconds),
            )),
            Some(safe) if safe.ninety_percent_seconds > step.max_seconds => warnings.push(format!(
                "{weight} ends after {longest}, and one good version in ten needs more than {} to be shown safe: some will run into its time limit; give it more time or weight, or a wider margin",
                seconds(safe.ninety_percent_seconds),
            )),
            Some(_) => {}
        }
        let promised = step.promised.explain();
        match step.smallest {
            Some(_) if step.finds_what_it_rules_out() => {}
            Some(smallest) => warnings.push(format!(
                "{weight} promises to rule out {promised}, but within {longest} it finds only {} and worse: a version in between is not rolled back by this step, it runs into its time limit",
                smallest.explain(),
            )),
            None => {
                let worst = match power.question.worse {
                    Worse::Higher => "if every request fails",
                    Worse::Lower => "if no wanted event is left",
                };
                warnings.push(format!(
                    "{weight} promises to rule out {promised}, but finds no regression within {longest}, not even {worst}"
                ));
            }
        }
    }
    warnings
}

fn weight(step: &StepPower) -> String {
    format!("the step at {}", percent(step.weight / 100.0))
}
