//! `siskin analyze`: one comparison of two versions, live, over a past window, of a file, or of an AnalysisRun once more.
//!
//! The exit code is the verdict. Progress goes to stderr; stdout has the result alone.

pub(in crate::cli) mod arms;
mod cluster;
pub(in crate::cli) mod document;
mod end;
mod input;
mod live;
pub(in crate::cli) mod options;
mod replay;
mod second;
mod show;
mod table;
pub(in crate::cli) mod templates;
mod window;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};

use self::{
    arms::Variables,
    document::before,
    options::{Output, SourceArgs, StepArgs},
};
use super::{Failure, preview::Documents};
use crate::model::Clock;

/// Compare two versions once; the exit code is the verdict
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Where the numbers come from:
  --prometheus URL                       from now on, until it is decided
  --prometheus URL --from -2h --to -1h   of that time: what would have been decided, and when
  --prometheus URL --run NAME            of a run that is over: its looks once more, and whether
                                         they come to what was decided then
  --data FILE                            of a file, CSV or JSON; one line for each time:

      time,canary_requests,canary_errors,stable_requests,stable_errors
      2026-03-01T12:00:00Z,1000,5,9000,44

  time is RFC 3339 or seconds since 1970; the counts are those since the line before. A column
  `metric` tells several metrics apart. JSON is a list of objects with the same names.

Examples:
  siskin analyze -f http.yaml --canary revision=5c8f6 --stable revision=7d4b9 \\
    --prometheus http://localhost:9090 --report report.html
  siskin analyze -f http.yaml --canary revision=5c8f6 --stable revision=7d4b9 \\
    --prometheus http://localhost:9090 --from -2h --plot
  siskin analyze -f http.yaml -f rollout.yaml --canary revision=5c8f6 --stable revision=7d4b9 \\
    --prometheus http://localhost:9090
  siskin analyze -f http.yaml -f analysisrun.yaml --prometheus http://localhost:9090
  siskin analyze --run analysisrun/web-7 -n shop --prometheus http://localhost:9090
  siskin analyze --data counts.csv -o json

Exit codes: 0 promote, 1 roll back, 2 undecided, 3 error")]
pub(super) struct AnalyzeArgs {
    /// A file with AnalysisTemplates or ClusterAnalysisTemplates; can be given more than once. With an AnalysisRun or a
    /// Rollout among them, what it says of the analysis stands where the command line says nothing
    #[arg(short, long = "filename", value_name = "PATH")]
    filenames: Vec<PathBuf>,
    /// A value for an argument of the templates; can be given more than once
    #[arg(long = "arg", value_name = "NAME=VALUE", value_parser = options::pair)]
    arguments: Vec<(String, String)>,
    /// What templates may say of the canary (namespace, service, workload, revision, backend, host, subset)
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',', value_parser = options::pair)]
    canary: Vec<(String, String)>,
    /// The same of the stable version
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',', value_parser = options::pair)]
    stable: Vec<(String, String)>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    step: StepArgs,
    #[command(flatten)]
    output: Output,
}

/// Which judge decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum JudgeName {
    /// Evidence that may be looked at any time
    #[default]
    Siskin,
    /// Kayenta's, at Kayenta's intervals
    Kayenta,
}

/// Compares, and gives the verdict as exit code.
pub(super) async fn run(args: &AnalyzeArgs, clock: &dyn Clock) -> ExitCode {
    match analyse(args, clock).await {
        Ok(code) => code,
        Err(failure) => failure.report_as(end::ERROR),
    }
}

async fn analyse(args: &AnalyzeArgs, clock: &dyn Clock) -> Result<ExitCode, Failure> {
    if let Some(run) = &args.source.run {
        let address = args.source.prometheus.prometheus.as_ref().ok_or_else(|| {
            Failure::usage("--run has the times of the looks, and not what was seen at them")
                .hint("give the Prometheus that the controller asked: --prometheus URL")
        })?;
        return end::end(replay::analyse(args, run, address).await?, args);
    }
    if args.source.cluster.is_given() {
        return Err(Failure::usage("--namespace, --context and --kubeconfig say where the AnalysisRun of --run is")
            .hint("the namespace of the pods is given as --canary namespace=… --stable namespace=…"));
    }
    let documents = Documents::read(&args.filenames, None)?;
    let said = document::document(&documents)?;
    let said = said.as_ref();
    let (settings, step) = args.step.settings(said)?;
    let recording = match (&args.source.data, &args.source.prometheus.prometheus) {
        (Some(path), None) => input::analyse(args, path, &documents, said, settings, &step)?,
        (None, Some(address)) => {
            let metrics = templates::metrics(&documents, said, &args.arguments)?;
            let run = said.and_then(|said| said.run.as_ref());
            let canary = before(&args.canary, run.map_or(&[], |run| &run.canary));
            let stable = before(&args.stable, run.map_or(&[], |run| &run.stable));
            let arms = arms::arms(&Variables { canary: &canary, stable: &stable }, &metrics)?;
            let client = args.source.prometheus.client(address)?;
            let patience = said.map(|said| said.analysis.on_no_data.after.into());
            let place = live::Place { address, client: &client, arms: &arms, metrics: &metrics, patience };
            match args.source.window(clock.now())? {
                Some(window) => window::analyse(&place, settings, &step, window).await?,
                None => live::analyse(&place, settings, &step, &args.output, clock).await?,
            }
        }
        (Some(_), Some(_)) => {
            return Err(Failure::usage(
                "--data and --prometheus can't be used together: the numbers come from one place",
            ));
        }
        (None, None) => {
            return Err(Failure::usage("it is not said where the numbers come from")
                .hint("give --prometheus URL, --prometheus URL --run NAME, or --data FILE"));
        }
    };
    end::end(recording, args)
}
