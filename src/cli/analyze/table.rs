//! A file of counts: CSV with a heading, or JSON. Pure; every error names the line and what is wrong with it.

use std::{collections::BTreeMap, str::FromStr};

use jiff::SignedDuration;
use serde_json::Value;

use crate::{judge::Counts, model::Timestamp};

/// The metric of rows that name none.
const UNNAMED: &str = "errors";
/// The columns of counts.
const COUNTS: [&str; 4] = ["canary_requests", "canary_errors", "stable_requests", "stable_errors"];

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    /// The metrics, in the order in which they first come.
    pub(super) metrics: Vec<String>,
    /// The times in their order, each with the counts of the metrics that have any then.
    pub(super) ticks: Vec<(Timestamp, BTreeMap<String, Counts>)>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TableError {
    /// A row that can't be used.
    #[error("{place}: {problem}")]
    Row {
        /// `line 7`, or `object 7` of JSON.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// The file as a whole.
    #[error("{0}")]
    Whole(String),
}

/// A row as it was written.
struct Row {
    place: String,
    cells: BTreeMap<String, String>,
}

/// Reads a file: JSON where its first letter says so, CSV otherwise.
pub(super) fn read(text: &str) -> Result<Table, TableError> {
    let text = text.trim_start_matches('\u{feff}');
    let rows = match text.trim_start().chars().next() {
        None => return Err(TableError::Whole("the file is empty".to_owned())),
        Some('[' | '{') => json(text)?,
        Some(_) => csv(text)?,
    };
    table(&rows)
}

fn csv(text: &str) -> Result<Vec<Row>, TableError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let whole = |error: csv::Error| TableError::Whole(error.to_string());
    let names: Vec<String> = reader.headers().map_err(whole)?.iter().map(str::to_owned).collect();
    let missing: Vec<&str> =
        std::iter::once("time").chain(COUNTS).filter(|column| !names.iter().any(|name| name == column)).collect();
    if !missing.is_empty() {
        return Err(TableError::Row {
            place: "line 1".to_owned(),
            problem: format!(
                "the heading lacks {}; it must have time, {}, and may have metric",
                missing.join(", "),
                COUNTS.join(", ")
            ),
        });
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| match error.position() {
            Some(position) => TableError::Row {
                place: format!("line {}", position.line()),
                problem: match error.kind() {
                    csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                        format!("it has {len} values, and the heading has {expected_len}")
                    }
                    _ => error.to_string(),
                },
            },
            None => TableError::Whole(error.to_string()),
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells = names.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
        rows.push(Row { place: format!("line {line}"), cells });
    }
    Ok(rows)
}

fn json(text: &str) -> Result<Vec<Row>, TableError> {
    // A list, or objects one after another.
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let values: Vec<Value> = values
        .collect::<Result<_, _>>()
        .map_err(|error| TableError::Row { place: format!("line {}", error.line()), problem: error.to_string() })?;
    let objects = values.into_iter().flat_map(|value| match value {
        Value::Array(objects) => objects,
        other => vec![other],
    });
    objects
        .enumerate()
        .map(|(index, object)| {
            let place = format!("object {}", index + 1);
            let Value::Object(fields) = object else {
                return Err(TableError::Row { place, problem: format!("`{object}` is not an object") });
            };
            let cells = fields.into_iter().map(|(name, value)| match value {
                Value::String(text) => (name, text),
                other => (name, other.to_string()),
            });
            Ok(Row { place, cells: cells.collect() })
        })
        .collect()
}

fn table(rows: &[Row]) -> Result<Table, TableError> {
    let mut table = Table { metrics: Vec::new(), ticks: Vec::new() };
    for row in rows {
        let at = row.time()?;
        let metric = row.cells.get("metric").filter(|name| !name.is_empty()).map_or(UNNAMED, String::as_str);
        let counts = row.counts()?;
        if !table.metrics.iter().any(|known| known == metric) {
            table.metrics.push(metric.to_owned());
        }
        match table.ticks.last_mut() {
            Some((last, _)) if *last > at => {
                return Err(
                    row.wrong(format!("its time {at} is before {last}, the time of the row above; sort the rows"))
                );
            }
            Some((last, counts_by_metric)) if *last == at => {
                if counts_by_metric.insert(metric.to_owned(), counts).is_some() {
                    return Err(row.wrong(format!("metric {metric} has counts for {at} already")));
                }
            }
            _ => table.ticks.push((at, BTreeMap::from([(metric.to_owned(), counts)]))),
        }
    }
    if table.ticks.is_empty() {
        return Err(TableError::Whole("the file has no rows".to_owned()));
    }
    Ok(table)
}

impl Row {
    fn wrong(&self, problem: impl Into<String>) -> TableError {
        TableError::Row { place: self.place.clone(), problem: problem.into() }
    }

    fn cell(&self, name: &str) -> Result<&str, TableError> {
        self.cells.get(name).map(String::as_str).ok_or_else(|| self.wrong(format!("{name} is missing")))
    }

    fn time(&self) -> Result<Timestamp, TableError> {
        let text = self.cell("time")?;
        let wrong =
            || self.wrong(format!("time `{text}` is neither RFC 3339 (2026-03-01T12:00:00Z) nor seconds since 1970"));
        if let Ok(seconds) = text.parse::<f64>() {
            let duration = SignedDuration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
            return Timestamp::from_duration(duration).map_err(|_| wrong());
        }
        Timestamp::from_str(text).map_err(|_| wrong())
    }

    fn counts(&self) -> Result<Counts, TableError> {
        let mut numbers = [0.0; 4];
        for (number, name) in numbers.iter_mut().zip(COUNTS) {
            let text = self.cell(name)?;
            *number = text
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite() && *number >= 0.0 && number.fract() == 0.0 && *number < 1e15)
                .ok_or_else(|| {
                    self.wrong(format!("{name} `{text}` is not a count: it must be a whole number from 0"))
                })?;
        }
        let [canary_requests, canary_errors, stable_requests, stable_errors] = numbers;
        for (version, errors, requests) in
            [("canary", canary_errors, canary_requests), ("stable", stable_errors, stable_requests)]
        {
            if errors > requests {
                return Err(self.wrong(format!("{version}_errors {errors} is more than {version}_requests {requests}")));
            }
        }
        Ok(Counts { canary_requests, stable_requests, canary_errors, stable_errors })
    }
}

#[cfg(test)]
mod tests;
