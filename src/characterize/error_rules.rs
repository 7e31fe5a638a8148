//! Every rule for error rates, run beside the others on the same ticks.

use super::comparators::{FailedChecks, GrowingRanks, KayentaAtEachInterval, PooledZTest, Window};
use super::engine::Engine;
use super::outcome::Outcome;
use super::stream::Stream;
use super::table::{Column, Effort, Row};
use super::traffic::{Course, Errors, Tick};
use crate::judge::{Margin, RatioDesign, RatioProcess, StepWeight, log_threshold};

/// The rules, in the order of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
enum Rule {
    /// The e-process alone, against "no worse at all", at .05.
    Process05,
    /// The same at .01.
    Process01,
    /// The judge with its defaults, at .05.
    Engine05,
    /// The same at .01.
    Engine01,
    /// A sequential test that knows the true ratio beforehand, at .01.
    Oracle,
    /// The pooled z-test at each look, one-sided at .05.
    ZTest05,
    /// The same at .01.
    ZTest01,
    /// The Mann-Whitney test at each look, one-sided at .05.
    MannWhitney,
    /// Kayenta's judge at each minute from 10 values on.
    Kayenta10,
    /// The same from 50 values on, as its manual asks for.
    Kayenta50,
    /// One minute above 1 % errors.
    Fails1,
    /// Four of them.
    Fails4,
    /// Five of them.
    Fails5,
    /// Ten of them.
    Fails10,
}

impl Rule {
    /// Those that cost most.
    const COSTLY: [Self; 3] = [Self::MannWhitney, Self::Kayenta10, Self::Kayenta50];
    /// Those of which nothing is promised.
    const OF_OTHERS: [Self; 8] = [
        Self::ZTest01,
        Self::MannWhitney,
        Self::Kayenta10,
        Self::Kayenta50,
        Self::Fails1,
        Self::Fails4,
        Self::Fails5,
        Self::Fails10,
    ];
}

/// How many there are.
const RULES: usize = 14;
/// The canary's error rate above which a check fails.
const CHECK_LIMIT: f64 = 0.01;
/// Seconds between two checks, and between two values for Kayenta.
const CHECK_SECONDS: f64 = 60.0;
/// Values that Kayenta's manual asks for.
const KAYENTA_VALUES: usize = 50;
/// Runs longer than this are long, in seconds.
const LONG_RUN: f64 = 4.0 * 3600.0;
/// Standard normal quantiles of .95 and .99.
const Z: [f64; 2] = [1.644_853_626_951_472_2, 2.326_347_874_040_841];

/// The columns, in the order of [`Rule`]; the tables show shares or times of them.
pub(super) fn columns(show: fn(&'static str) -> Column) -> Vec<Column> {
    [
        "e-process .05",
        "e-process .01",
        "Siskin .05",
        "Siskin .01",
        "knows the ratio .01",
        "z-test .05",
        "z-test .01",
        "Mann-Whitney .05",
        "Kayenta from 10 min",
        "Kayenta from 50 min",
        "1 min above 1 %",
        "4 min above 1 %",
        "5 min above 1 %",
        "10 min above 1 %",
    ]
    .map(show)
    .to_vec()
}

/// A row that runs all rules on this traffic.
pub(super) fn row(name: &str, traffic: Errors) -> Row {
    Row::new(name, traffic.horizon(), move |stream, effort| run(&traffic, effort, stream))
}

/// One run of all rules.
fn run(traffic: &Errors, effort: Effort, stream: &mut Stream) -> Vec<Outcome> {
    let weight = traffic.weight.at(0.0, traffic.horizon());
    let engine = Engine::learned(traffic, StepWeight { weight, final_weight: weight }, stream);
    // A test that knows the ratio needs one that is the same all the time.
    let ratio = match traffic.ratio {
        Course::Constant(ratio) if traffic.added <= 0.0 => ratio,
        _ => 1.0,
    };
    // Each minute, but not more often than its cost allows: in runs of 12 h each 6 min.
    let kayenta_every = if traffic.horizon() > LONG_RUN { 6 } else { 1 };
    let mut rules = Rules::start(engine, ratio, kayenta_every, effort);
    for tick in traffic.run(stream) {
        rules.look(&tick);
        if rules.all_done() {
            break;
        }
    }
    rules.outcomes.to_vec()
}

struct Rules {
    process: RatioProcess,
    engine: Engine,
    log_ratio: f64,
    oracle: f64,
    z_test: PooledZTest,
    ranks: GrowingRanks,
    kayenta: KayentaAtEachInterval,
    minute: Window,
    checks: FailedChecks,
    outcomes: [Outcome; RULES],
}

impl Rules {
    fn start(engine: Engine, ratio: f64, kayenta_every: usize, effort: Effort) -> Self {
        let mut outcomes = [Outcome::Never; RULES];
        if ratio <= 1.0 {
            outcomes[Rule::Oracle as usize] = Outcome::Skipped;
        }
        let left_out: &[Rule] = match effort {
            Effort::All => &[],
            Effort::Cheap => &Rule::COSTLY,
            Effort::Promised => &Rule::OF_OTHERS,
        };
        for rule in left_out {
            outcomes[*rule as usize] = Outcome::Skipped;
        }
        Self {
            process: RatioProcess::new(RatioDesign::harm(Margin { ratio: 1.0, absolute: 0.0 }, 1.0)),
            engine,
            log_ratio: ratio.ln(),
            oracle: 0.0,
            z_test: PooledZTest::default(),
            ranks: GrowingRanks::default(),
            kayenta: KayentaAtEachInterval::from(10).every(kayenta_every),
            minute: Window::new(CHECK_SECONDS),
            checks: FailedChecks::default(),
            outcomes,
        }
    }

    fn look(&mut self, tick: &Tick) {
        let (counts, end) = (&tick.counts, tick.end);
        self.process.update(counts);
        let evidence = self.process.log_evidence();
        self.note(Rule::Process05, evidence >= log_threshold(0.05), end);
        self.note(Rule::Process01, evidence >= log_threshold(0.01), end);

        self.engine.look(tick);
        let evidence = self.engine.log_harm();
        self.note(Rule::Engine05, evidence >= log_threshold(0.05), end);
        self.note(Rule::Engine01, evidence >= log_threshold(0.01), end);

        if self.is_open(Rule::Oracle) && counts.is_informative() {
            let share = counts.canary_requests / (counts.canary_requests + counts.stable_requests);
            let errors = counts.canary_errors + counts.stable_errors;
            self.oracle += counts.canary_errors * self.log_ratio - errors * (share * self.log_ratio.exp_m1()).ln_1p();
            self.note(Rule::Oracle, self.oracle >= log_threshold(0.01), end);
        }

        let z = self.z_test.look(counts);
        self.note(Rule::ZTest05, z > Z[0], end);
        self.note(Rule::ZTest01, z > Z[1], end);

        if self.is_open(Rule::MannWhitney) && counts.is_informative() {
            let ranks = self.ranks.look(rates(counts)[0], rates(counts)[1]);
            self.note(Rule::MannWhitney, ranks > Z[0], end);
        }
        if let Some(minute) = self.minute.add(end, counts) {
            let failed = minute.canary_errors > CHECK_LIMIT * minute.canary_requests;
            let failed = self.checks.check(failed);
            for (rule, allowed) in [(Rule::Fails1, 1), (Rule::Fails4, 4), (Rule::Fails5, 5), (Rule::Fails10, 10)] {
                self.note(rule, failed >= allowed, end);
            }
            // What has failed it from 50 values on has failed it before.
            if self.is_open(Rule::Kayenta50) && minute.is_informative() {
                // As percent: its root finder stops at an absolute error of 1e-4.
                let [canary, stable] = rates(&minute).map(|rate| 100.0 * rate);
                let failed = self.kayenta.look(canary, stable);
                self.note(Rule::Kayenta10, failed, end);
                self.note(Rule::Kayenta50, failed && self.kayenta.values() >= KAYENTA_VALUES, end);
            }
        }
    }

    fn is_open(&self, rule: Rule) -> bool {
        self.outcomes[rule as usize] == Outcome::Never
    }

    fn note(&mut self, rule: Rule, happened: bool, second: f64) {
        self.outcomes[rule as usize].note(happened, second);
    }

    fn all_done(&self) -> bool {
        self.outcomes.iter().all(|outcome| *outcome != Outcome::Never)
    }
}

fn rates(counts: &crate::judge::Counts) -> [f64; 2] {
    [counts.canary_errors / counts.canary_requests, counts.stable_errors / counts.stable_requests]
}
