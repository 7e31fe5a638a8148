//! Reads what Prometheus answered, to a query at one time or over a range. Our own, because the client crate drops
//! warnings (a partial answer then looks whole) and fails on native histograms. Pure: any status and any bytes come to
//! series or to a gap.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, SignedDurationRound, Unit};
use reqwest::StatusCode;

use super::{
    outcome::Gap,
    series::{self, Labels},
    window::Window,
    wire::{Data, Envelope, MOST_SERIES, Native, NativePoint, Number, Point, Success, TOO_MANY_SERIES},
};
use crate::{
    judge::{Histogram, HistogramProblem, histogram::NativeBucket},
    model::Timestamp,
};

/// Longest text of a foreign server, or of a query, that is carried into status and logs, in characters.
const LONGEST_TEXT: usize = 500;
/// How far the time of an answer may be from the time that was asked for: some servers round, none by as much.
const LARGEST_SKEW: Duration = Duration::from_mins(1);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// The values at a time.
    At(Timestamp),
    /// The values at each tick of a window.
    Over(Window),
}

/// One series of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    pub(super) labels: Arc<Labels>,
    /// The labels as PromQL writes them.
    pub(super) text: Arc<str>,
    /// In ascending order, at the times that were asked for; not empty.
    pub(super) points: Vec<(Timestamp, Value)>,
}

/// One value of a series.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Native(Result<Histogram, HistogramProblem>),
}

/// The series of a query, sorted, each once; perhaps none.
pub(super) type Answer = Result<Vec<Series>, Gap>;

/// Reads an answer.
pub(super) fn read(status: StatusCode, body: &[u8], span: Span) -> Answer {
    let envelope = match serde_json::from_slice::<Envelope<'_>>(body) {
        Ok(envelope) => envelope,
        Err(_) if !status.is_success() => return Err(failure(status, format!("it answered {status}{}", plain(body)))),
        Err(error) => return Err(not_prometheus(error)),
    };
    if !status.is_success() || envelope.status != "success" {
        return Err(refusal(status, &envelope));
    }
    let series = match serde_json::from_slice::<Success>(body) {
        Ok(Success { data }) => all(data, span)?,
        // Only the text of the error comes through the parser.
        Err(error) if error.to_string().starts_with(TOO_MANY_SERIES) => {
            return Err(Gap::WrongShape(format!(
                "it gives more than {MOST_SERIES} series, which is the most that is read; aggregate away the labels that are not needed, as by `sum by (pod) (…)`"
            )));
        }
        Err(error) => return Err(not_prometheus(error)),
    };
    let mut warnings = envelope.warnings.unwrap_or_default();
    if envelope.is_partial {
        warnings.push("the answer is marked as partial".to_owned());
    }
    if warnings.is_empty() {
        Ok(series)
    } else {
        Err(Gap::Partial(warnings.iter().map(|warning| shorten(warning)).collect()))
    }
}

/// Whether an error is about the query, or about the server's own state.
fn refusal(status: StatusCode, envelope: &Envelope<'_>) -> Gap {
    let text = shorten(&envelope.error);
    // VictoriaMetrics has the status code as the type.
    let about_the_query = matches!(&*envelope.error_type, "bad_data" | "execution" | "400" | "422");
    if about_the_query && !status.is_server_error() && !is_denied(status) && status != StatusCode::TOO_MANY_REQUESTS {
        Gap::Refused(text)
    } else if matches!(&*envelope.error_type, "timeout" | "canceled" | "internal") {
        Gap::Unfinished(format!("it answered {status}: {text}"))
    } else if status.is_success() {
        Gap::ProviderDown(text)
    } else {
        failure(status, format!("it answered {status}: {text}"))
    }
}

/// What a status alone says. A gateway answers with 504 for a server that it waited for in vain, and with 413 and 414 to a
/// query that is longer than it lets through.
fn failure(status: StatusCode, text: String) -> Gap {
    match status {
        _ if is_denied(status) => Gap::Denied(text),
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG => Gap::Refused(text),
        StatusCode::GATEWAY_TIMEOUT | StatusCode::INTERNAL_SERVER_ERROR => Gap::Unfinished(text),
        _ => Gap::ProviderDown(text),
    }
}

fn is_denied(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED)
}

fn all(data: Data, span: Span) -> Answer {
    let wrong = |text: &str| Err(Gap::WrongShape(text.to_owned()));
    let mut answer = Vec::new();
    match (data, span) {
        (Data::Vector(series), Span::At(asked)) => {
            for mut series in series {
                series.values.extend(series.value.take());
                series.histograms.extend(series.histogram.take());
                let points = points(&series.metric, series.values, series.histograms, |time| near(time, asked))?;
                if points.len() > 1 {
                    return Err(not_prometheus(format!("{} has several values", series::text(&series.metric))));
                }
                answer.push(Series::new(series.metric, points)?);
            }
        }
        (Data::Scalar(point), Span::At(asked)) => {
            let points = points(&Labels::new(), vec![point], Vec::new(), |time| near(time, asked))?;
            answer.push(Series::new(Labels::new(), points)?);
        }
        (Data::Matrix(series), Span::Over(window)) => {
            for series in series {
                let tick = |time| window.tick(time).then_some(time);
                let points = points(&series.metric, series.values, series.histograms, tick)?;
                answer.push(Series::new(series.metric, points)?);
            }
        }
        (Data::Matrix(_), Span::At(_)) => return wrong("it gives ranges of values; leave out the last `[..]`"),
        (Data::String(_), _) => return wrong("it gives a text, not a number"),
        (Data::Vector(_) | Data::Scalar(_), Span::Over(_)) => {
            return Err(not_prometheus("to a range it gives values of one time"));
        }
    }
    answer.sort_by(|one, other| one.text.cmp(&other.text));
    match answer.windows(2).find(|pair| pair[0].text == pair[1].text) {
        Some(pair) => Err(not_prometheus(format!("{} comes twice", pair[0].text))),
        None => Ok(answer),
    }
}

impl Series {
    fn new(labels: Labels, points: Vec<(Timestamp, Value)>) -> Result<Self, Gap> {
        let text = series::text(&labels);
        if points.is_empty() {
            return Err(not_prometheus(format!("{text} has no value")));
        }
        Ok(Self { labels: Arc::new(labels), text: text.into(), points })
    }
}

/// The points of a series in the order of time. `place` finds the time that was asked for.
fn points(
    labels: &Labels,
    values: Vec<Point>,
    histograms: Vec<NativePoint>,
    place: impl Fn(Timestamp) -> Option<Timestamp>,
) -> Result<Vec<(Timestamp, Value)>, Gap> {
    let placed = |seconds: Number| {
        let time = timestamp(seconds.0).ok_or_else(|| not_prometheus(format!("{} is not a time", seconds.0)))?;
        place(time).ok_or_else(|| not_prometheus(format!("{time} was not asked for; is its clock right?")))
    };
    let mut points = Vec::with_capacity(values.len() + histograms.len());
    for Point(time, value) in values {
        points.push((placed(time)?, Value::Number(value.0)));
    }
    let numbers = points.len();
    for NativePoint(time, histogram) in histograms {
        points.push((placed(time)?, Value::Native(native(&histogram))));
    }
    let ascends = |points: &[(Timestamp, Value)]| points.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let sound = ascends(&points[..numbers]) && ascends(&points[numbers..]);
    points.sort_by_key(|(time, _)| *time);
    if !sound || !ascends(&points) {
        return Err(not_prometheus(format!("the values of {} are not in the order of time", series::text(labels))));
    }
    Ok(points)
}

fn native(Native { sum, buckets }: &Native) -> Result<Histogram, HistogramProblem> {
    let bucket = |(_, left, right, count): &(_, Number, Number, Number)| NativeBucket {
        left: left.0,
        right: right.0,
        count: count.0,
    };
    Histogram::native(&buckets.iter().map(bucket).collect::<Vec<_>>(), sum.map(|sum| sum.0))
}

/// The time that was asked for, where the answer's is about that.
fn near(time: Timestamp, asked: Timestamp) -> Option<Timestamp> {
    (time.duration_since(asked).unsigned_abs() <= LARGEST_SKEW).then_some(asked)
}

/// A time to the millisecond, which is what Prometheus keeps.
fn timestamp(seconds: f64) -> Option<Timestamp> {
    let duration = SignedDuration::try_from_secs_f64(seconds).ok()?;
    let milliseconds = duration.round(SignedDurationRound::new().smallest(Unit::Millisecond)).ok()?;
    Timestamp::from_duration(milliseconds).ok()
}

fn not_prometheus(problem: impl std::fmt::Display) -> Gap {
    Gap::ProviderDown(format!("it answered, but not as Prometheus does: {}", shorten(&problem.to_string())))
}

/// A plain body of an error, as proxies send it; a page of HTML says nothing to a reader of a status.
fn plain(body: &[u8]) -> String {
    match std::str::from_utf8(body).map(str::trim) {
        Ok(text) if !text.is_empty() && !text.contains('<') => format!(": {}", shorten(text)),
        _ => String::new(),
    }
}

pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
