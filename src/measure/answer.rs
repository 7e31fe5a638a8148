//! Reads what Prometheus answered to an instant query. Our own, because the client crate drops warnings (a partial
//! answer then looks whole) and fails on native histograms. Pure: any status and any bytes come to an outcome.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::{SignedDuration, SignedDurationRound, Unit};
use reqwest::StatusCode;
use serde::{Deserialize, de::IgnoredAny};

use super::{
    outcome::{Gap, QueryOutcome, Sample},
    series::text as labels,
};
use crate::model::Timestamp;

/// Longest text of a foreign server that is carried into status and logs, in characters.
const LONGEST_TEXT: usize = 500;

/// What stands around the data. VictoriaMetrics says `isPartial` where Thanos and Mimir warn.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    error_type: Cow<'a, str>,
    #[serde(borrow, default)]
    error: Cow<'a, str>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    #[serde(default)]
    is_partial: bool,
}

#[derive(Deserialize)]
struct Success {
    data: Data,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<Series>),
    Scalar(Point),
    Matrix(IgnoredAny),
    String(IgnoredAny),
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    value: Option<Point>,
    histogram: Option<IgnoredAny>,
}

/// Time in seconds, value.
#[derive(Deserialize)]
struct Point(Number, Number);

/// Prometheus writes times as numbers and values as texts; both are taken for both.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Float(f64),
    Text(String),
}

impl Number {
    fn value(&self) -> Result<f64, String> {
        match self {
            Self::Float(number) => Ok(*number),
            Self::Text(text) => text.parse().map_err(|_| format!("`{}` is not a number", shorten(text))),
        }
    }
}

/// Reads an answer.
pub(super) fn read(status: StatusCode, body: &[u8], query: &str) -> QueryOutcome {
    let envelope = match serde_json::from_slice::<Envelope<'_>>(body) {
        Ok(envelope) => envelope,
        Err(_) if !status.is_success() => {
            return Err(Gap::ProviderDown(format!("it answered {status}{}", plain(body))));
        }
        Err(error) => return Err(not_prometheus(error)),
    };
    if !status.is_success() || envelope.status != "success" {
        return Err(refusal(status, &envelope));
    }
    let samples = match serde_json::from_slice::<Success>(body) {
        Ok(Success { data }) => samples(data)?,
        Err(error) => return Err(not_prometheus(error)),
    };
    let mut warnings = envelope.warnings.unwrap_or_default();
    if envelope.is_partial {
        warnings.push("the answer is marked as partial".to_owned());
    }
    match (warnings.is_empty(), samples.is_empty()) {
        (false, _) => Err(Gap::Partial(warnings.iter().map(|warning| shorten(warning)).collect())),
        (true, true) => Err(Gap::NoSeries(query.to_owned())),
        (true, false) => Ok(samples),
    }
}

/// Whether an error is about the query, or about the server's own state.
fn refusal(status: StatusCode, envelope: &Envelope<'_>) -> Gap {
    let text = shorten(&envelope.error);
    // VictoriaMetrics has the status code as the type.
    let about_the_query = matches!(&*envelope.error_type, "bad_data" | "execution" | "400" | "422");
    if about_the_query && !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS {
        Gap::Refused(text)
    } else if status.is_success() {
        Gap::ProviderDown(text)
    } else {
        Gap::ProviderDown(format!("it answered {status}: {text}"))
    }
}

fn samples(data: Data) -> QueryOutcome {
    let series = match data {
        Data::Vector(series) => series,
        Data::Scalar(point) => return Ok(vec![sample(&BTreeMap::new(), &point)?]),
        Data::Matrix(_) => {
            return Err(Gap::WrongShape("it gives ranges of values; leave out the last `[..]`".to_owned()));
        }
        Data::String(_) => return Err(Gap::WrongShape("it gives a text, not a number".to_owned())),
    };
    let mut samples = Vec::with_capacity(series.len());
    for Series { metric, value, histogram } in &series {
        match (value, histogram) {
            (Some(point), _) => samples.push(sample(metric, point)?),
            (None, Some(_)) => {
                let text = "it gives native histograms; take a number from them, as by `histogram_count(..)`";
                return Err(Gap::WrongShape(text.to_owned()));
            }
            (None, None) => return Err(not_prometheus(format!("{} has no value", labels(metric)))),
        }
    }
    samples.sort_by(|one, other| one.series.cmp(&other.series));
    match samples.windows(2).find(|pair| pair[0].series == pair[1].series) {
        Some(pair) => Err(not_prometheus(format!("{} comes twice", pair[0].series))),
        None => Ok(samples),
    }
}

fn sample(metric: &BTreeMap<String, String>, Point(time, value): &Point) -> Result<Sample, Gap> {
    let value = value.value().map_err(not_prometheus)?;
    let seconds = time.value().map_err(not_prometheus)?;
    let at = timestamp(seconds).ok_or_else(|| not_prometheus(format!("{seconds} is not a time")))?;
    Ok(Sample::new(metric.clone(), value, at))
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

fn shorten(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
