//! What a person sees of an analysis: a line with two bars while it goes on, and a table at its end.

use std::io::{IsTerminal, Write};

use super::options::Output;
use crate::{
    analysis::{
        Record,
        record::{LookRecord, Outcome, ReplayDecision, ReplayRecord, Standing},
    },
    cli::screen::{Cell, Line, Style, Tone, bar, columns, paint, terminal_size, wrap},
    model::words::{evidence, seconds},
};

/// Wider pictures show nothing more.
pub(super) const WIDEST_PLOT: usize = 100;
/// Cells of one of the bars of a line.
const BAR: usize = 10;

/// The progress of a live analysis, on stderr: in place on a terminal, a line a look elsewhere.
pub(super) struct Progress {
    in_place: bool,
    last: Option<String>,
}

impl Progress {
    pub(super) fn start(_output: &Output) -> Self {
        Self { in_place: std::io::stderr().is_terminal(), last: None }
    }

    /// Shows the last look.
    pub(super) fn show(&mut self, record: &Record) {
        let Some(look) = record.last() else { return };
        let after = record.seconds();
        let line = line(look, after);
        let mut err = std::io::stderr().lock();
        // Nobody can be told that stderr is gone.
        if self.in_place {
            let text = line.cut(terminal_size().0.saturating_sub(1)).paint(Style::Colour);
            drop(write!(err, "\r\u{1b}[K{text}"));
            drop(err.flush());
        } else {
            drop(writeln!(err, "{}", line.paint(Style::Plain)));
        }
        self.last = Some(look.message.clone());
    }

    /// Leaves the last line where it is.
    pub(super) fn end(&mut self) {
        if self.in_place && self.last.is_some() {
            eprintln!();
        }
    }
}

/// One look: how far safety and harm have come, and why.
fn line(look: &LookRecord, after: f64) -> Line {
    // Safety is as far as the metric that is farthest from it.
    let safe = look
        .metrics
        .iter()
        .filter_map(|metric| Some(share(metric.log_safe?, metric.log_safe_threshold?)))
        .fold(None, |least: Option<f64>, next| Some(least.map_or(next, |least| least.min(next))));
    let harm = share(look.log_harm, look.log_harm_threshold);
    let mut line = Line::new().and(Tone::Faint, format!("{:>7}  ", seconds(after)));
    if let Some(safe) = safe {
        line = line.and(Tone::Plain, "safe ").join(bar(safe, BAR, Tone::Good)).and(Tone::Plain, "  ");
    }
    line.and(Tone::Plain, "harm ").join(bar(harm, BAR, Tone::Bad)).and(Tone::Plain, format!("  {}", look.message))
}

fn share(value: f64, threshold: f64) -> f64 {
    if threshold > 0.0 { (value / threshold).clamp(0.0, 1.0) } else { 0.0 }
}

/// The result: the verdict, the metrics, and what others would have said.
pub(super) fn result(record: &Record, width: usize, style: Style) -> String {
    let mut lines = vec![Line::new().and(outcome_tone(record.outcome), outcome_word(record.outcome)).and(
        Tone::Faint,
        format!("  {}, {} looks in {}", record.subject, record.looks.len(), seconds(record.seconds())),
    )];
    lines.extend(wrap(&record.message, width).into_iter().map(|text| Line::new().and(Tone::Plain, text)));
    lines.extend(
        record
            .warnings
            .iter()
            .map(|name| Line::new().and(Tone::Warning, format!("{name} looks wrong; it does not decide"))),
    );
    if let Some(replay) = &record.replay {
        lines.push(Line::new());
        lines.extend(replayed(replay, width));
    }
    lines.push(Line::new());
    lines.extend(columns(2, metrics(record)));
    if !record.second_verdicts.is_empty() {
        lines.push(Line::new());
        lines.extend(columns(2, second(record)));
    }
    paint(lines, width, style)
}

/// What was decided then beside what is decided now, and the steps on the way.
fn replayed(replay: &ReplayRecord, width: usize) -> Vec<Line> {
    let row = |name: &str, decision: &ReplayDecision| {
        vec![
            (Tone::Strong, name.to_owned()),
            (outcome_tone(decision.outcome), outcome_word(decision.outcome).to_lowercase()),
            (Tone::Plain, decision.look.map_or("-".to_owned(), |look| look.to_string())),
            (Tone::Plain, decision.at.map_or("-".to_owned(), |at| format!("{at:.3}"))),
            (Tone::Plain, decision.message.clone()),
        ]
    };
    let heading = ["", "DECISION", "LOOK", "AT", "WHY"].map(|name| (Tone::Faint, name.to_owned())).to_vec();
    let mut lines = columns(2, vec![heading, row("then", &replay.recorded), row("replayed", &replay.replayed)]);
    let mut say = |tone: Tone, text: &str| {
        lines.extend(wrap(text, width).into_iter().map(|text| Line::new().and(tone, text)));
    };
    match replay.agrees {
        true if replay.exact => say(Tone::Good, "Both agree, and the evidence is the same to the last bit"),
        true => say(Tone::Good, "Both agree"),
        false if replay.lost_looks.is_empty() => say(Tone::Bad, "They do not agree"),
        false => say(Tone::Warning, "Whether they agree can't be told"),
    }
    for note in &replay.notes {
        say(Tone::Warning, note);
    }
    if replay.steps.len() > 1 {
        let heading = ["STEP", "WEIGHT", "PASSED AT LOOK", "LAST LOOK"];
        let mut rows = vec![heading.map(|name| (Tone::Faint, name.to_owned())).to_vec()];
        rows.extend(replay.steps.iter().enumerate().map(|(index, step)| {
            vec![
                (Tone::Plain, (index + 1).to_string()),
                (Tone::Plain, format!("{} %", step.weight)),
                (Tone::Plain, step.passed_at_look.map_or("-".to_owned(), |look| look.to_string())),
                (Tone::Plain, step.last_look.to_string()),
            ]
        }));
        lines.push(Line::new());
        lines.extend(columns(2, rows));
    }
    lines
}

fn metrics(record: &Record) -> Vec<Vec<Cell>> {
    let heading = ["METRIC", "SAYS", "HARM", "SAFETY", "WHY"];
    let mut rows = vec![heading.map(|name| (Tone::Faint, name.to_owned())).to_vec()];
    let against = |value: Option<f64>, threshold: Option<f64>| match (value, threshold) {
        (Some(value), Some(threshold)) => format!("{} of {}", evidence(value), evidence(threshold)),
        _ => "-".to_owned(),
    };
    for (metric, look) in record.metrics.iter().zip(record.last().map_or(&[][..], |look| &look.metrics)) {
        let (tone, word) = match look.standing {
            Standing::Safe => (Tone::Good, "safe"),
            Standing::Regressed => (Tone::Bad, "worse"),
            Standing::OverLimit => (Tone::Bad, "beyond its limit"),
            Standing::Undecided => (Tone::Plain, "not decided"),
            Standing::NoData => (Tone::Warning, "no data"),
        };
        rows.push(vec![
            (Tone::Strong, metric.name.clone()),
            (tone, word.to_owned()),
            (Tone::Plain, against(look.log_harm, look.log_harm_threshold)),
            (Tone::Plain, against(look.log_safe, look.log_safe_threshold)),
            (Tone::Plain, look.message.clone()),
        ]);
    }
    rows
}

fn second(record: &Record) -> Vec<Vec<Cell>> {
    let heading = ["OTHER RULES", "DECISION", "AFTER", "WHY"];
    let mut rows = vec![heading.map(|name| (Tone::Faint, name.to_owned())).to_vec()];
    let first = record.looks.first().map(|look| look.at);
    for verdict in &record.second_verdicts {
        let after = verdict
            .at
            .zip(first)
            .map_or("the end".to_owned(), |(at, first)| seconds(at.duration_since(first).as_secs_f64()));
        rows.push(vec![
            (Tone::Plain, verdict.rule.clone()),
            (outcome_tone(verdict.outcome), outcome_word(verdict.outcome).to_lowercase()),
            (Tone::Plain, after),
            (Tone::Plain, verdict.message.clone()),
        ]);
    }
    rows
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Promote => "Promote",
        Outcome::Rollback => "Roll back",
        Outcome::Undecided => "Undecided",
    }
}

fn outcome_tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Promote => Tone::Good,
        Outcome::Rollback => Tone::Bad,
        Outcome::Undecided => Tone::Warning,
    }
}
