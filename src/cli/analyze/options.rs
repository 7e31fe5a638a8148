//! The options of an analysis, and what they mean.

use std::{path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, ValueEnum};
use jiff::SignedDuration;

use super::{JudgeName, cluster, document::Document};
use crate::{
    analysis::{Settings, Step},
    cli::{Failure, kube::ClusterArgs, prometheus::PrometheusArgs},
    judge::{OnTimeout, StepWeight},
    model::Timestamp,
};

/// Where the numbers come from.
#[derive(Args, Clone, Debug)]
pub(super) struct SourceArgs {
    #[command(flatten)]
    pub(super) prometheus: PrometheusArgs,
    /// Begin of a past window: RFC 3339, or back from now as in -2h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// End of it [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, requires = "from")]
    to: Option<String>,
    /// A file of counts, CSV or JSON
    #[arg(long, value_name = "FILE")]
    pub(super) data: Option<PathBuf>,
    /// An AnalysisRun of the cluster, `analysisrun/NAME` or NAME: its looks once more, with what it says itself
    #[arg(long, value_name = "NAME", value_parser = cluster::run_name, conflicts_with_all = SAID_BY_A_RUN)]
    pub(super) run: Option<String>,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
}

/// The options whose answers an AnalysisRun has.
const SAID_BY_A_RUN: [&str; 14] = [
    "data",
    "from",
    "to",
    "filenames",
    "arguments",
    "canary",
    "stable",
    "interval",
    "min",
    "max",
    "weight",
    "false_rollback",
    "missed_regression",
    "on_timeout",
];

/// A window of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Past {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl SourceArgs {
    /// Whether a window was given.
    pub(super) fn asks_for_the_past(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// The window that was asked for; none where it is from now on.
    pub(super) fn window(&self, now: Timestamp) -> Result<Option<Past>, Failure> {
        let Some(from) = &self.from else { return Ok(None) };
        let from = time("--from", from, now)?;
        let to = self.to.as_deref().map_or(Ok(now), |to| time("--to", to, now))?;
        if from >= to {
            return Err(Failure::usage(format!("--from {from:.0} is not before --to {to:.0}")));
        }
        if to > now {
            return Err(Failure::usage(format!("--to {to:.0} is in the future: it is {now:.0}")));
        }
        Ok(Some(Past { from, to }))
    }
}

/// A time that was given: absolute, or back from now.
fn time(flag: &str, text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let wrong = || {
        Failure::usage(format!("{flag} `{text}` is neither RFC 3339 (2026-03-01T12:00:00Z) nor back from now (-2h)"))
    };
    if text == "now" {
        return Ok(now);
    }
    if let Some(back) = text.strip_prefix('-') {
        let back = humantime::parse_duration(back).map_err(|_| wrong())?;
        let back = SignedDuration::try_from(back).map_err(|_| wrong())?;
        return now.checked_sub(back).map_err(|_| wrong());
    }
    Timestamp::from_str(text).map_err(|_| wrong())
}

/// How the analysis goes.
#[derive(Args, Clone, Debug)]
pub(super) struct StepArgs {
    /// Time between two looks; over a past window in whole seconds, rounded up [default: 15s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    interval: Option<Duration>,
    /// The least time before a version is promoted [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    min: Option<Duration>,
    /// The time after which it ends undecided, counting only time in which something could be seen [default: 20m]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max: Option<Duration>,
    /// The canary's planned share of the traffic in percent: a share that is off by more than a fifth is warned of
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    weight: Option<f64>,
    /// The weight of the rollout's last step: the margin is wider at a lower --weight [default: as --weight]
    #[arg(long, value_name = "PERCENT", value_parser = percent, requires = "weight")]
    last_weight: Option<f64>,
    /// The chance that a version that is no worse is rolled back [default: 0.01]
    #[arg(long, value_name = "CHANCE", value_parser = chance)]
    false_rollback: Option<f64>,
    /// The chance that a version as bad as the margin is promoted [default: 0.05]
    #[arg(long, value_name = "CHANCE", value_parser = chance)]
    missed_regression: Option<f64>,
    /// What happens after --max without a decision [default: undecided]
    #[arg(long, value_enum)]
    on_timeout: Option<TimeoutName>,
}

/// What happens when the time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TimeoutName {
    /// Exit code 2
    Undecided,
    /// Roll back
    Rollback,
    /// Promote, if nothing looks wrong
    Promote,
}

/// The least time of a step where nobody says it.
pub(in crate::cli) const LEAST: Duration = Duration::from_mins(2);
/// The longest time of a step where nobody says it.
pub(in crate::cli) const LONGEST: Duration = Duration::from_mins(20);

impl StepArgs {
    /// What was told, as the analysis takes it. What the command line does not say, a document says.
    pub(super) fn settings(&self, said: Option<&Document>) -> Result<(Settings, Step), Failure> {
        let run = said.and_then(|said| said.run.as_ref()).map(|run| run.step);
        let min = self.min.or(run.map(|step| step.min)).unwrap_or(LEAST);
        let max = self.max.or(run.map(|step| step.max)).unwrap_or(LONGEST);
        if min > max {
            let [min, max] = [min, max].map(humantime::format_duration);
            return Err(Failure::usage(format!("--min {min} is longer than --max {max}")));
        }
        let planned = self.weight.or(run.and_then(|step| step.planned));
        let weight = planned.unwrap_or(50.0);
        let last = self.last_weight.unwrap_or(weight);
        if last < weight {
            return Err(Failure::usage(format!("--last-weight {last} is below --weight {weight}: weights only rise")));
        }
        let said = said.map_or(Settings::DEFAULT, |said| Settings::from(&said.analysis));
        let settings = Settings {
            false_rollback: self.false_rollback.unwrap_or(said.false_rollback),
            missed_regression: self.missed_regression.unwrap_or(said.missed_regression),
            interval: self.interval.unwrap_or(said.interval),
            on_timeout: match self.on_timeout {
                None => said.on_timeout,
                Some(TimeoutName::Undecided) => OnTimeout::Pause,
                Some(TimeoutName::Rollback) => OnTimeout::Rollback,
                Some(TimeoutName::Promote) => OnTimeout::Promote,
            },
            ..said
        };
        Ok((settings, Step { weight: StepWeight { weight, final_weight: last }, planned, min, max }))
    }
}

/// What is made of the result.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "they are the flags")]
pub(super) struct Output {
    /// The whole recording as data, instead of a table
    #[arg(short, long, value_name = "FORM")]
    pub(super) output: Option<DataForm>,
    /// Write a page with charts to this file
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Draw the evidence over time
    #[arg(long)]
    pub(super) plot: bool,
    /// Who decides
    #[arg(long, value_enum, default_value_t = JudgeName::Siskin)]
    pub(super) judge: JudgeName,
    /// Compare with a threshold as other tools use it: the error rate in each minute that is a failed check
    #[arg(long, value_name = "RATE", default_value = "0.01", value_parser = share)]
    pub(super) threshold: f64,
    // What tells whether the terminal has braille.
    #[arg(long, hide = true, env = "LC_ALL", default_value = "")]
    locale: String,
    #[arg(long, hide = true, env = "LC_CTYPE", default_value = "")]
    letters: String,
    #[arg(long, hide = true, env = "LANG", default_value = "")]
    language: String,
}

/// The forms of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DataForm {
    /// As JSON
    Json,
    /// As YAML
    Yaml,
}

impl Output {
    /// What pictures are made of: the first of the variables that is set decides, as in every program.
    pub(super) fn dots(&self) -> crate::report::Dots {
        let locale = [&self.locale, &self.letters, &self.language].into_iter().find(|text| !text.is_empty());
        let utf = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        if utf { crate::report::Dots::Braille } else { crate::report::Dots::Ascii }
    }
}

/// `name=value`.
pub(in crate::cli) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it must be NAME=VALUE".to_owned()),
    }
}

/// A length of time above 0.
pub(in crate::cli) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) => Err("it must be longer than nothing".to_owned()),
        Err(error) => Err(format!("{error}; write 15s, 2m or 1h")),
    }
}

/// A weight.
pub(in crate::cli) fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent < 100.0 => Ok(percent),
        _ => Err("it must be above 0 and below 100, in percent".to_owned()),
    }
}

/// The chance of an error.
pub(in crate::cli) fn chance(text: &str) -> Result<f64, String> {
    match share(text) {
        Ok(chance) if chance > 0.0 && chance < 0.5 => Ok(chance),
        _ => Err("it must be above 0 and below 0.5, or 50 %".to_owned()),
    }
}

/// A share: `0.005` or `0.5%`.
pub(in crate::cli) fn share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse::<f64>(),
    };
    match share {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("it must be a share from 0 to 1, or a percentage as in 0.5%".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn times_are_absolute_or_back_from_now() {
        let said = |text: &str| time("--from", text, now()).map(|time| time.to_string());
        assert_eq!(said("-2h30m").unwrap(), "2026-03-01T09:30:00Z");
        assert_eq!(said("2026-02-28T23:00:00+01:00").unwrap(), "2026-02-28T22:00:00Z");
        assert_eq!(said("now").unwrap(), "2026-03-01T12:00:00Z");
        for wrong in ["", "-", "2h", "yesterday", "-999999999999y", "12:00"] {
            let failure = said(wrong).unwrap_err().to_string();
            assert!(failure.contains(&format!("`{wrong}` is neither RFC 3339")), "{failure}");
        }
    }

    #[test]
    fn shares_weights_and_chances_are_checked() {
        assert_eq!(share("0.5%"), Ok(0.005));
        assert_eq!(percent("25%"), Ok(25.0));
        for wrong in ["", "2", "-1%", "NaN", "inf", "101%"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
        assert!(percent("100").is_err() && percent("0").is_err() && percent("NaN").is_err());
        assert!(chance("0.5").is_err() && chance("0").is_err() && chance("5%").is_ok());
        assert!(duration("0s").is_err() && duration("15").is_err() && duration("1h30m").is_ok());
        assert!(pair("a").is_err() && pair("=b").is_err());
        assert_eq!(pair("a=b=c"), Ok(("a".into(), "b=c".into())));
    }
}
