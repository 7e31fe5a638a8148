//! What the API server itself refuses in a metric, as rules of CEL.

use serde_json::{Value, json};

/// Whether lower values are the bad ones. An API server fills in `worse` before it evaluates.
const LOWER: &str =
    "((has(self.rate) && self.rate.worse == 'Lower') || (has(self.gauge) && self.gauge.worse == 'Lower'))";

/// The rules of a metric as a whole.
pub(super) fn metric() -> Value {
    let both = "(has(self.margin) && has(self.margin.ignore) && has(self.margin.exclude))";
    let each = |holds: &str| {
        let holds = |field: &str| format!("(!has(self.margin.{field}) || self.margin.{field}.relative {holds})");
        format!("(!has(self.margin) || ({} && {}))", holds("ignore"), holds("exclude"))
    };
    let rule = |rule: String, message: &str| json!({"rule": rule, "message": message});
    json!([
        rule(
            "[has(self.errorRate), has(self.latency), has(self.gauge), has(self.rate), has(self.threshold)].exists_one(kind, kind)".to_owned(),
            "a metric must have exactly one of errorRate, latency, gauge, rate and threshold",
        ),
        rule(
            "!has(self.threshold) || !(has(self.margin) || has(self.limit) || has(self.by) || has(self.pod))".to_owned(),
            "a threshold compares nothing: it takes no margin, limit, by or pod, but has min and max of its own",
        ),
        rule(
            "!has(self.limit) || has(self.threshold) || has(self.errorRate) || has(self.rate)".to_owned(),
            "limit is for errorRate and rate; for a gauge take a threshold, for a latency a rate of the requests that were fast enough",
        ),
        rule(
            "!has(self.by) || !has(self.gauge)".to_owned(),
            "a gauge is compared pod by pod and takes no by",
        ),
        rule(
            format!("{LOWER} || {}", each(">= 1.0")),
            "margin.ignore.relative and margin.exclude.relative must be at least 1 where higher is worse",
        ),
        rule(
            format!("!{LOWER} || {}", each("<= 1.0")),
            "margin.ignore.relative and margin.exclude.relative must be at most 1 where lower is worse",
        ),
        rule(
            format!(
                "!{both} || (self.margin.ignore.absolute <= self.margin.exclude.absolute && ({LOWER} ? self.margin.ignore.relative >= self.margin.exclude.relative : self.margin.ignore.relative <= self.margin.exclude.relative))"
            ),
            "margin.ignore must not reach beyond margin.exclude",
        ),
        rule(
            "!(has(self.errorRate) || has(self.rate) || has(self.latency)) || !has(self.margin) || ((!has(self.margin.ignore) || self.margin.ignore.absolute <= 1.0) && (!has(self.margin.exclude) || self.margin.exclude.absolute <= 1.0))".to_owned(),
            "margin.ignore.absolute and margin.exclude.absolute are shares of the requests, from 0 to 1",
        ),
    ])
}
