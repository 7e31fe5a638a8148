//! The JSON of Prometheus' HTTP API, as far as it is read.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, Visitor},
};

use super::series::Labels;

/// What stands around the data. Thanos and Mimir say in `warnings` that an answer is partial, VictoriaMetrics in
/// `isPartial`; `infos` are remarks on the query's style and are left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) error_type: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) error: Cow<'a, str>,
    #[serde(default)]
    pub(super) warnings: Option<Vec<String>>,
    #[serde(default)]
    pub(super) is_partial: bool,
}

#[derive(Deserialize)]
pub(super) struct Success {
    pub(super) data: Data,
}

/// The most series of an answer that are read. A judge compares pods, and some labels within a pod.
pub(super) const MOST_SERIES: usize = 5_000;
/// What the error says where there are more.
pub(super) const TOO_MANY_SERIES: &str = "too many series";

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub(super) enum Data {
    Vector(#[serde(deserialize_with = "few")] Vec<Series>),
    Matrix(#[serde(deserialize_with = "few")] Vec<Series>),
    Scalar(Point),
    String(IgnoredAny),
}

/// A series of a vector, which has one of the first two, or of a matrix, which has the last two.
#[derive(Deserialize)]
pub(super) struct Series {
    pub(super) metric: Labels,
    pub(super) value: Option<Point>,
    pub(super) histogram: Option<NativePoint>,
    #[serde(default)]
    pub(super) values: Vec<Point>,
    #[serde(default)]
    pub(super) histograms: Vec<NativePoint>,
}

/// Time in seconds, value.
#[derive(Deserialize)]
pub(super) struct Point(pub(super) Number, pub(super) Number);

/// Time in seconds, native histogram.
#[derive(Deserialize)]
pub(super) struct NativePoint(pub(super) Number, pub(super) Native);

/// A native histogram; without buckets where nothing has been observed. Its `count` is that of the buckets.
#[derive(Deserialize)]
pub(super) struct Native {
    pub(super) sum: Option<Number>,
    #[serde(default)]
    pub(super) buckets: Vec<(IgnoredAny, Number, Number, Number)>,
}

/// Prometheus writes times as numbers and values as texts; both are taken for both.
#[derive(Clone, Copy)]
pub(super) struct Number(pub(super) f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor).map(Number)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = f64;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a number")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// Reads series up to the most that may be, and gives the rest up unread.
fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Series>, D::Error> {
    struct Few;

    impl<'de> Visitor<'de> for Few {
        type Value = Vec<Series>;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("a list of series")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Series>, A::Error> {
            let mut series = Vec::new();
            while let Some(item) = items.next_element()? {
                if series.len() == MOST_SERIES {
                    return Err(de::Error::custom(TOO_MANY_SERIES));
                }
                series.push(item);
            }
            Ok(series)
        }
    }

    deserializer.deserialize_seq(Few)
}
