//! The end of an analysis: second verdicts, the result in the form that was asked for, and the exit code.

use std::{fs, process::ExitCode};

use super::{AnalyzeArgs, JudgeName, options::DataForm, second, show};
use crate::{
    analysis::{LookResult, Record, Recorder, Session, record::Outcome},
    cli::{
        Failure,
        get::{Form, print, serialise, width},
        screen::Style,
    },
    report,
};

/// The exit code of an analysis that could not be made.
pub(super) const ERROR: u8 = 3;

/// What was written down, up to the decision; and, where the past went on after it, all of it, for other rules.
pub(super) struct Recording {
    record: Record,
    whole: Option<Record>,
}

impl Recording {
    /// Everything up to the decision, and there is no more.
    pub(super) fn of(record: Record) -> Self {
        Self { record, whole: None }
    }

    /// Everything up to the decision, and all of it where there is more.
    pub(super) fn up_to(record: Record, whole: Option<Record>) -> Self {
        Self { record, whole }
    }
}

/// Where in the past the decision was: the looks after it are taken too, since other rules decide later.
#[derive(Default)]
pub(super) struct Ending {
    decided: Option<Record>,
}

impl Ending {
    /// Takes a look.
    pub(super) fn take(&mut self, recorder: &mut Recorder, look: &LookResult, session: &Session<'_>) {
        if recorder.take(look, session) && self.decided.is_none() {
            self.decided = Some(recorder.clone().finish(session));
        }
    }

    /// The recording, after the last look.
    pub(super) fn recording(
        self,
        recorder: Recorder,
        session: &Session<'_>,
        named: impl Fn(Record) -> Record,
    ) -> Recording {
        let whole = recorder.finish(session);
        match self.decided {
            Some(record) => Recording { record: named(record), whole: Some(named(whole)) },
            None => Recording::of(named(whole)),
        }
    }
}

/// Writes the result; gives the exit code.
pub(super) fn end(recording: Recording, args: &AnalyzeArgs) -> Result<ExitCode, Failure> {
    let Recording { mut record, whole } = recording;
    let all = whole.as_ref().unwrap_or(&record);
    // From a part of the looks nobody can say anything.
    let whole_is_known = record.replay.as_ref().is_none_or(|replay| replay.lost_looks.is_empty());
    if whole_is_known {
        let kayenta = second::kayenta(all)?;
        let thresholds = second::thresholds(all, args.output.threshold);
        if args.output.judge == JudgeName::Kayenta {
            decide_by_kayenta(&mut record, kayenta)?;
        } else {
            record.second_verdicts.extend(kayenta);
        }
        record.second_verdicts.extend(thresholds);
    }
    if let Some(path) = &args.output.report {
        fs::write(path, report::html(&record)).map_err(|error| {
            Failure::refused(format!("the report can't be written to `{}`: {error}", path.display()))
        })?;
    }
    let text = if let Some(form) = args.output.output {
        let value = serde_json::to_value(&record).map_err(anyhow::Error::from)?;
        let form = match form {
            DataForm::Json => Form::Json,
            DataForm::Yaml => Form::Yaml,
        };
        serialise(&value, Some(form))?
    } else {
        let plot = args.output.plot.then(|| report::plot(&record, width().min(show::WIDEST_PLOT), args.output.dots()));
        format!(
            "{}{}",
            show::result(&record, width(), Style::of_stdout()),
            plot.map_or_else(String::new, |plot| format!("\n{plot}"))
        )
    };
    print(&text)?;
    if let Some(path) = &args.output.report {
        eprintln!("The report is in {}", path.display());
    }
    Ok(ExitCode::from(match record.outcome {
        Outcome::Promote => 0,
        Outcome::Rollback => 1,
        Outcome::Undecided => 2,
    }))
}

/// Kayenta decides, and the verdict that would have been given otherwise is the second one.
fn decide_by_kayenta(
    record: &mut Record,
    kayenta: Option<crate::analysis::record::SecondVerdict>,
) -> Result<(), Failure> {
    let verdict = kayenta.ok_or_else(|| Failure::refused("Kayenta's judge has nothing to judge: there was no look"))?;
    record.second_verdicts.push(crate::analysis::record::SecondVerdict {
        rule: "Siskin".to_owned(),
        outcome: record.outcome,
        at: record.decided_at,
        message: record.message.clone(),
    });
    record.outcome = verdict.outcome;
    record.decided_at = verdict.at;
    record.message = format!("{}: {}", verdict.rule, verdict.message);
    Ok(())
}
