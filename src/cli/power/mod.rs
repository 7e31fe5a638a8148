//! `siskin power`: what an analysis would see, before a rollout: from rates that are stated, or asked from Prometheus.

mod ask;
mod show;

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use super::{
    Failure,
    analyze::{
        document::{Document, document},
        options::{LEAST, LONGEST, chance, duration, pair, percent, share},
    },
    get::{Form, print, serialise, width},
    preview::Documents,
    prometheus::PrometheusArgs,
    screen::Style,
};
use crate::{
    analysis::{
        Settings,
        power::{PlannedStep, Power, Question, power},
    },
    api::{Canary, Rollout},
    judge::{Margin, Worse},
    model::Clock,
};

/// Tell what an analysis would find, and when, before a rollout
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  siskin power --requests-per-second 100 --error-rate 0.5% --steps 5,25,50 --step-time 20m
  siskin power -f http.yaml --stable revision=7d4b9 --prometheus http://localhost:9090 --steps 10,50
  siskin power -f http.yaml -f rollout.yaml --stable revision=7d4b9 --prometheus http://localhost:9090

FINDS is the smallest regression that is found within the step in nine of ten cases. RULES OUT is what no
version may have that passes the step. Times are medians, then what nine of ten cases stay below.

Exit codes: 0 told, 1 Prometheus gives no numbers, 2 wrong command line")]
pub(super) struct PowerArgs {
    /// Requests per second of both versions together
    #[arg(long, value_name = "NUMBER", value_parser = positive, requires = "error_rate")]
    requests_per_second: Option<f64>,
    /// The stable version's error rate, as in 0.005 or 0.5%
    #[arg(long, value_name = "RATE", value_parser = share, requires = "requests_per_second")]
    error_rate: Option<f64>,
    /// A file with AnalysisTemplates: their rates are asked from Prometheus. With a Rollout among them, what it says of
    /// steps and error rates stands where the command line says nothing
    #[arg(short, long = "filename", value_name = "PATH", conflicts_with = "error_rate")]
    filenames: Vec<PathBuf>,
    /// A value for an argument of the templates; can be given more than once
    #[arg(long = "arg", value_name = "NAME=VALUE", value_parser = pair)]
    arguments: Vec<(String, String)>,
    /// What templates may say of the version that runs now
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',', value_parser = pair)]
    stable: Vec<(String, String)>,
    #[command(flatten)]
    prometheus: PrometheusArgs,
    /// How much of the past the rates are taken from; at most 6h, which a rollout takes
    #[arg(long, value_name = "TIME", default_value = "6h", value_parser = duration)]
    history: Duration,
    /// The weights of the steps in percent, in their order [default: 5,25,50]
    #[arg(long, visible_alias = "weight", value_name = "PERCENT", value_delimiter = ',', value_parser = percent)]
    steps: Vec<f64>,
    /// The longest time of a step [default: 20m]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    step_time: Option<Duration>,
    /// The least time of a step [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    min: Option<Duration>,
    /// Bad versions to follow through the steps, as multiples of the stable rate (parts of it where lower is worse)
    #[arg(long, value_name = "FACTOR", value_delimiter = ',', default_value = "2,4,10", value_parser = positive)]
    versions: Vec<f64>,
    /// How much the errors vary, relative to chance alone: above 1 where they come in clusters. Without it, what
    /// Prometheus' history says; 1 where the rates are stated
    #[arg(long, value_name = "NUMBER", value_parser = dispersion)]
    dispersion: Option<f64>,
    /// The chance that a version that is no worse is rolled back [default: 0.01]
    #[arg(long, value_name = "CHANCE", value_parser = chance)]
    false_rollback: Option<f64>,
    /// The chance that a step passes a version as bad as the margin [default: 0.05]
    #[arg(long, value_name = "CHANCE", value_parser = chance)]
    missed_regression: Option<f64>,
    /// As data, instead of tables
    #[arg(short, long, value_name = "FORM")]
    output: Option<DataForm>,
}

/// The forms of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DataForm {
    /// As JSON
    Json,
    /// As YAML
    Yaml,
}

/// The weights where nobody says them.
const STEPS: [f64; 3] = [5.0, 25.0, 50.0];

/// Tells it.
pub(super) async fn run(args: &PowerArgs, clock: &dyn Clock) -> Result<(), Failure> {
    let documents = Documents::read(&args.filenames, None)?;
    let said = document(&documents)?;
    let said = said.as_ref();
    let steps = args.planned_steps(said.and_then(|said| said.rollout.as_ref()))?;
    let questions = match (args.requests_per_second, args.error_rate) {
        (Some(_), Some(_)) if args.prometheus.prometheus.is_some() => {
            return Err(Failure::usage(
                "--prometheus and --error-rate can't be used together: the rates come from one place",
            ));
        }
        (Some(requests_per_second), Some(rate)) => vec![args.stated(requests_per_second, rate)],
        _ => ask::questions(args, &documents, said, clock).await?,
    };
    let powers: Vec<Power> = questions.iter().map(|question| power(question, &steps, &args.versions)).collect();
    let text = match args.output {
        Some(form) => {
            let value = serde_json::to_value(&powers).map_err(anyhow::Error::from)?;
            let form = match form {
                DataForm::Json => Form::Json,
                DataForm::Yaml => Form::Yaml,
            };
            serialise(&value, Some(form))?
        }
        None => {
            powers.iter().map(|power| show::tables(power, width(), Style::of_stdout())).collect::<Vec<_>>().join("\n")
        }
    };
    print(&text)
}

impl PowerArgs {
    /// What the analysis is told. What the command line does not say, a document says.
    fn settings(&self, said: Option<&Document>) -> Settings {
        let said = said.map_or(Settings::DEFAULT, |said| Settings::from(&said.analysis));
        Settings {
            false_rollback: self.false_rollback.unwrap_or(said.false_rollback),
            missed_regression: self.missed_regression.unwrap_or(said.missed_regression),
            ..said
        }
    }

    fn stated(&self, requests_per_second: f64, rate: f64) -> Question {
        let Settings { false_rollback, missed_regression, error_rate_margin: margin, .. } = self.settings(None);
        Question {
            metric: "errors".to_owned(),
            requests_per_second,
            rate,
            worse: Worse::Higher,
            dispersion: self.dispersion.unwrap_or(1.0),
            dead_zone: Margin::ERROR_RATE_DEAD_ZONE,
            margin,
            false_rollback,
            missed_regression,
        }
    }

    fn planned_steps(&self, rollout: Option<&Rollout>) -> Result<Vec<PlannedStep>, Failure> {
        if let (Some(min), Some(max)) = (self.min, self.step_time)
            && min > max
        {
            let [min, max] = [min, max].map(humantime::format_duration);
            return Err(Failure::usage(format!("--min {min} is longer than --step-time {max}")));
        }
        if let Some((before, after)) =
            self.steps.iter().zip(self.steps.iter().skip(1)).find(|(before, after)| after <= before)
        {
            return Err(Failure::usage(format!("--steps: {after} comes after {before}; weights only rise")));
        }
        let step = |weight: f64, (min, max): (Duration, Duration)| {
            let (min, max) = (self.min.unwrap_or(min), self.step_time.unwrap_or(max));
            // One of them alone was given: it moves the other.
            let max = if self.step_time.is_some() { max } else { max.max(min) };
            PlannedStep { weight, min: min.min(max), max }
        };
        let usual = |weight: &f64| step(*weight, (LEAST, LONGEST));
        let planned: Vec<PlannedStep> = match rollout {
            _ if !self.steps.is_empty() => self.steps.iter().map(usual).collect(),
            Some(rollout) => {
                let steps = rollout.spec.strategy.canary.as_ref().map(Canary::steps).unwrap_or_default();
                // With all of the traffic there is nothing left to compare with.
                let compared = steps.iter().filter(|step| step.weight < 100);
                compared.map(|said| step(f64::from(said.weight), said.times())).collect()
            }
            None => STEPS.iter().map(usual).collect(),
        };
        if planned.is_empty() {
            return Err(
                Failure::refused("the Rollout has no step below 100 %: nothing is compared in it").hint("give --steps")
            );
        }
        Ok(planned)
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("it must be a number above 0".to_owned()),
    }
}

fn dispersion(text: &str) -> Result<f64, String> {
    match positive(text) {
        Ok(number) if (1.0..=50.0).contains(&number) => Ok(number),
        _ => Err("it must be from 1 to 50".to_owned()),
    }
}
