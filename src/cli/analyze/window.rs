//! An analysis of the past: the looks that would have been taken, read back by range queries.

use super::{
    end::{Ending, Recording},
    live::Place,
    options::Past,
};
use crate::{
    analysis::{Clock, Recorder, Session, Settings, Step, render},
    cli::Failure,
    measure::{Window, history},
};

/// Judges the window.
pub(super) async fn analyse(
    place: &Place<'_>,
    settings: Settings,
    step: &Step,
    past: Past,
) -> Result<Recording, Failure> {
    let window =
        Window::new(past.from, past.to, settings.interval).map_err(|error| Failure::usage(error.to_string()))?;
    // Ticks are at whole seconds, whatever interval was asked for.
    let settings = Settings { interval: window.step(), ..settings };
    let mut session = Session::start(place.metrics, settings, step.weight, Clock::start(past.from));
    place.learn(&mut session, past.from).await;
    let mut recorder = Recorder::start(place.subject(), &session, step, Some(place.address.to_owned()));
    let mut ends = Ending::default();
    let queries = render(place.metrics, place.arms);
    let measurements = history(place.client, &queries, window).await;
    place.refuse_what_needs_a_person(measurements.iter())?;
    for measurement in &measurements {
        let look = session.look(measurement, step);
        ends.take(&mut recorder, &look, &session);
    }
    Ok(ends.recording(recorder, &session, |record| place.named(record)))
}
