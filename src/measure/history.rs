//! Looks at the past: at every tick of a window, or at given times. What comes of them has the same shape as a look at
//! the present, so that whatever judges one judges the other.

use futures::{Stream, StreamExt, stream};

use super::{
    MeasureRequest, Measurement, answer::Span, client::Client, gather, metric::MetricQuery, source::Sources,
    window::Window,
};
use crate::model::Timestamp;

/// How many ticks are asked for by one query. Prometheus gives at most 11 000 values of a series; fewer are less to
/// lose where a part of the past can't be had, and less to hold at once.
const PART: i64 = 2_000;
/// How many looks at given times are on their way at once.
const LOOKS_AT_ONCE: usize = 4;

/// What every metric gave at each tick of a window, in the order of time. Never fails: what could not be had is a gap of
/// its metric at those ticks. Between two ticks of a window values are what instant queries at these ticks would give:
/// a series that has ended is not there.
pub async fn history(client: &Client, metrics: &[MetricQuery], window: Window) -> Vec<Measurement> {
    let mut measurements = Vec::new();
    for part in window.parts(PART) {
        let answers = gather::ask(client, metrics, Span::Over(part)).await;
        let mut sources: Vec<_> = metrics
            .iter()
            .map(|metric| {
                let answer = |query: &str| answers.to(metric, query);
                (metric.name.clone(), Sources::of(&metric.queries, answer))
            })
            .collect();
        let (mut records, mut spared) = (answers.records, answers.spared);
        for at in part.ticks() {
            let metrics = sources.iter_mut().map(|(name, sources)| (name.clone(), sources.at(at))).collect();
            // A query over many ticks is counted once.
            let (queries, spared) = (std::mem::take(&mut records), std::mem::take(&mut spared));
            measurements.push(Measurement { at, metrics, queries, spared });
        }
    }
    measurements
}

/// Looks at exactly these times, in their order, a few at once.
pub fn at_times<'a>(
    client: &'a Client,
    metrics: &'a [MetricQuery],
    times: &'a [Timestamp],
) -> impl Stream<Item = Measurement> + 'a {
    let look = move |at: &Timestamp| {
        let request = MeasureRequest { at: *at, metrics: metrics.to_vec() };
        async move { super::measure(client, &request).await }
    };
    stream::iter(times).map(look).buffered(LOOKS_AT_ONCE)
}
