//! An analysis from now on: a look at each interval until it is decided, the time is over, or the person has enough.

use std::{collections::BTreeMap, time::Duration};

use jiff::SignedDuration;
use tokio::time::{MissedTickBehavior, interval};

use super::{end::Recording, options::Output, show::Progress};
use crate::{
    analysis::{self, Clock as StepClock, Metric, Record, Recorder, Session, Settings, Step, request},
    cli::Failure,
    measure::{self, Arm, Client, Gap, Measurement, PerArm, measure},
    model::{Clock, Timestamp},
};

/// How long nothing may be seen before it ends undecided: as in a Rollout that says nothing else.
const PATIENCE: Duration = Duration::from_mins(10);

/// What is asked, and where.
pub(super) struct Place<'a> {
    pub(super) address: &'a str,
    pub(super) client: &'a Client,
    pub(super) arms: &'a PerArm<Arm>,
    pub(super) metrics: &'a [Metric],
    /// How long nothing may be seen before it ends undecided, where somebody says.
    pub(super) patience: Option<Duration>,
}

impl Place<'_> {
    /// What is compared, in a few words.
    pub(super) fn subject(&self) -> String {
        let Arm { namespace, service, workload, .. } = &self.arms.canary;
        let name = if service.is_empty() { workload } else { service };
        match (namespace.is_empty(), name.is_empty()) {
            (false, false) => format!("{namespace}/{name}"),
            (true, false) => name.clone(),
            _ => "canary against stable version".to_owned(),
        }
    }

    /// Learns what is usual of the stable version before a time. Without an answer it goes on: then whatever speaks
    /// against the canary needs a second opinion.
    pub(super) async fn learn(&self, session: &mut Session<'_>, before: Timestamp) {
        let Some(asked) = analysis::history(self.metrics, self.arms, None, before, session.settings().interval) else {
            return;
        };
        let ask = |asked: analysis::HistoryRequest| async move {
            measure::history(self.client, &asked.metrics, asked.window).await
        };
        let known = asked.told(ask).await;
        session.learn(&known, before);
    }

    /// A query that Prometheus won't do is an error, and not a look without data; so is a Prometheus that lets nobody in
    /// without credentials, or not with these.
    pub(super) fn refuse_what_needs_a_person<'a>(
        &self,
        mut measurements: impl Iterator<Item = &'a Measurement>,
    ) -> Result<(), Failure> {
        let found = measurements.find_map(|measurement| {
            measurement.metrics.iter().find_map(|(name, outcome)| {
                let gap = outcome.gap().filter(|gap| gap.needs_a_person() || matches!(gap, Gap::Denied(_)))?;
                Some((format!("metric {name}: {gap}"), gap))
            })
        });
        match found {
            None => Ok(()),
            Some((problem, Gap::Denied(_))) => Err(Failure::refused(problem).hint(format!(
                "{} wants to know who asks: give --prometheus-bearer-token-file, or --prometheus-username with --prometheus-password-file, or --prometheus-cert-file with --prometheus-key-file",
                self.address
            ))),
            Some((problem, _)) => Err(Failure::refused(problem)),
        }
    }

    /// The recording with what tells the two versions apart.
    pub(super) fn named(&self, record: Record) -> Record {
        let variables = |arm: &Arm| -> BTreeMap<String, String> {
            let Arm { namespace, service, variant: _, workload, revision, backend, host, subset } = arm;
            let all = [
                ("namespace", namespace),
                ("service", service),
                ("workload", workload),
                ("revision", revision),
                ("backend", backend),
                ("host", host),
                ("subset", subset),
            ];
            all.into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name.to_owned(), value.clone()))
                .collect()
        };
        Record { canary: variables(&self.arms.canary), stable: variables(&self.arms.stable), ..record }
    }
}

/// Judges from now on.
pub(super) async fn analyse(
    place: &Place<'_>,
    settings: Settings,
    step: &Step,
    output: &Output,
    clock: &dyn Clock,
) -> Result<Recording, Failure> {
    let mut session = Session::start(place.metrics, settings, step.weight, StepClock::start(clock.now()));
    place.learn(&mut session, clock.now()).await;
    let mut recorder = Recorder::start(place.subject(), &session, step, Some(place.address.to_owned()));
    let mut progress = Progress::start(output);
    let mut ticks = interval(settings.interval.max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut blind_since = None;
    let patience = SignedDuration::try_from(place.patience.unwrap_or(PATIENCE)).unwrap_or(SignedDuration::MAX);
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {
                progress.end();
                let mut record = recorder.finish(&session);
                record.message = format!("ended by hand before it was decided: {}", record.message);
                return Ok(Recording::of(place.named(record)));
            }
            _ = ticks.tick() => {}
        }
        let now = clock.now();
        let measurement = measure(place.client, &request(place.metrics, place.arms, now)).await;
        place.refuse_what_needs_a_person(std::iter::once(&measurement))?;
        let look = session.look(&measurement, step);
        let decided = recorder.take(&look, &session);
        progress.show(recorder.record());
        if decided {
            break;
        }
        blind_since = look.blind.as_ref().and(blind_since.or(Some(now)));
        if blind_since.is_some_and(|since| now.duration_since(since) > patience) {
            break;
        }
    }
    progress.end();
    Ok(Recording::of(place.named(recorder.finish(&session))))
}
