//! Numbers in JSON as Jackson, Kayenta's JSON library, reads and writes them: what is no number in JSON (NaN and the
//! infinities) is a word.

use serde::{Deserialize, Deserializer, Serializer, de};

/// For `#[serde(with = "number")]`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match word(*value) {
        Some(word) => serializer.serialize_str(word),
        None => serializer.serialize_f64(*value),
    }
}

/// For `#[serde(with = "number")]`.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    deserializer.deserialize_any(NumberVisitor)
}

/// A list of numbers; `null` is a missing value, as NaN is.
pub(super) mod list {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes and reads as a number of its own.
    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Number(#[serde(with = "super")] f64);

    pub(in super::super) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().copied().map(Number))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let numbers = Vec::<Option<Number>>::deserialize(deserializer)?;
        Ok(numbers.into_iter().map(|number| number.map_or(f64::NAN, |Number(value)| value)).collect())
    }
}

/// The word for what JSON can't write.
fn word(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some("Infinity")
    } else if value == f64::NEG_INFINITY {
        Some("-Infinity")
    } else {
        None
    }
}

struct NumberVisitor;

impl de::Visitor<'_> for NumberVisitor {
    type Value = f64;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a number, \"NaN\", \"Infinity\" or \"-Infinity\"")
    }

    fn visit_f64<E>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_u64<E>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        match text {
            "NaN" => Ok(f64::NAN),
            "Infinity" | "+Infinity" | "INF" | "+INF" | "+Inf" => Ok(f64::INFINITY),
            "-Infinity" | "-INF" | "-Inf" => Ok(f64::NEG_INFINITY),
            _ => text.trim().parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }
}

/// The number that a setting holds; numbers in quotes count, as they do in Kayenta.
pub(super) fn of_value(value: &serde_json::Value) -> Option<f64> {
    f64::deserialize(value).ok().or_else(|| value.as_str()?.trim().parse().ok())
}
