//! The planted files: series as Prometheus has them after a scrape, in its text format, and the numbers that a template
//! must give of them.
//!
//! A line may end with the milliseconds from the look at which it was scraped (`-60000`). A native histogram is written
//! as `promtool` writes it in its tests: `{{schema:0 count:9 sum:30 offset:1 buckets:[2 7]}}`, and one with edges of its
//! own as `{{schema:-53 count:9 sum:30 custom_values:[0.1 1] buckets:[2 6 1]}}`. The values of labels have neither commas
//! nor braces nor escapes in them.

use std::collections::BTreeMap;

use serde::Deserialize;
use siskin::measure::{Arguments, Arm, PerArm};

/// One state of the world, and what the template gives of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "they are the words of the files")]
pub(crate) struct Case {
    /// A sentence that says what is shown.
    pub(crate) case: String,
    /// Arguments other than the defaults.
    #[serde(default)]
    pub(crate) args: Arguments,
    #[serde(default)]
    arms: ArmChanges,
    series: String,
    /// By metric.
    pub(crate) expect: BTreeMap<String, Numbers>,
}

/// Variables other than those of a Rollout of `shop/web`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArmChanges {
    #[serde(default)]
    stable: BTreeMap<String, String>,
    #[serde(default)]
    canary: BTreeMap<String, String>,
}

/// What a metric gives.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub(crate) enum Numbers {
    /// The value of a threshold.
    Value(f64),
    /// The reason why there is nothing.
    Gap(String),
    /// Of each version.
    Arms { stable: ArmNumbers, canary: ArmNumbers },
}

/// What a metric gives of one version, by pod.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum ArmNumbers {
    Counters {
        requests: BTreeMap<String, f64>,
        #[serde(alias = "errors")]
        events: BTreeMap<String, f64>,
    },
    Gauges(BTreeMap<String, f64>),
    /// Cumulative counts by upper edge.
    Histograms(BTreeMap<String, BTreeMap<String, f64>>),
    Gap(String),
}

/// One value of one series.
#[derive(Debug, PartialEq)]
pub(crate) struct Planted {
    pub(crate) labels: BTreeMap<String, String>,
    /// Milliseconds from the look; not positive.
    pub(crate) offset: i64,
    pub(crate) value: PlantedValue,
}

#[derive(Debug, PartialEq)]
pub(crate) enum PlantedValue {
    Float(f64),
    Native { schema: i32, count: u64, sum: f64, offset: i32, custom: Vec<f64>, buckets: Vec<i64> },
}

impl Case {
    /// The cases of a planted file.
    pub(crate) fn read(name: &str, text: &str) -> Vec<Self> {
        // By way of JSON, which knows no other kinds of numbers and keys.
        let value: serde_json::Value = serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_value(value).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The variables of both arms.
    pub(crate) fn arms(&self) -> PerArm<Arm> {
        let PerArm { mut stable, mut canary } = super::library::arms();
        for (arm, changes) in [(&mut stable, &self.arms.stable), (&mut canary, &self.arms.canary)] {
            for (name, value) in changes {
                let variable = match &**name {
                    "workload" => &mut arm.workload,
                    "revision" => &mut arm.revision,
                    "backend" => &mut arm.backend,
                    "host" => &mut arm.host,
                    "subset" => &mut arm.subset,
                    other => panic!("{}: {other} is no variable of an arm", self.case),
                };
                variable.clone_from(value);
            }
        }
        PerArm { stable, canary }
    }

    /// The values to plant.
    pub(crate) fn planted(&self) -> Vec<Planted> {
        let lines = self.series.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| planted(line).unwrap_or_else(|| panic!("{}: not a series: {line}", self.case))).collect()
    }
}

fn planted(line: &str) -> Option<Planted> {
    let (name, rest) = line.split_once('{')?;
    let (pairs, rest) = rest.split_once('}')?;
    let mut labels = BTreeMap::from([("__name__".to_owned(), name.to_owned())]);
    for pair in pairs.split(',') {
        let (name, value) = pair.split_once('=')?;
        labels.insert(name.to_owned(), value.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    }
    let rest = rest.trim();
    let (value, offset) = if let Some(native) = rest.strip_prefix("{{") {
        (self::native(native.strip_suffix("}}")?)?, None)
    } else {
        let mut words = rest.split_whitespace();
        (PlantedValue::Float(words.next()?.parse().ok()?), words.next())
    };
    let offset = offset.map_or(Some(0), |offset| offset.parse().ok())?;
    Some(Planted { labels, offset, value })
}

fn native(text: &str) -> Option<PlantedValue> {
    let field = |name: &str| {
        let (_, rest) = text.split_once(&format!("{name}:"))?;
        rest.split_whitespace().next()
    };
    let list = |name: &str| text.split_once(&format!("{name}:["))?.1.split_once(']').map(|(list, _)| list);
    let custom = list("custom_values").unwrap_or_default();
    Some(PlantedValue::Native {
        schema: field("schema")?.parse().ok()?,
        count: field("count")?.parse().ok()?,
        sum: field("sum")?.parse().ok()?,
        offset: field("offset").unwrap_or("0").parse().ok()?,
        custom: custom.split_whitespace().map(|edge| edge.parse().ok()).collect::<Option<_>>()?,
        buckets: list("buckets")?.split_whitespace().map(|count| count.parse().ok()).collect::<Option<_>>()?,
    })
}

#[test]
fn a_line_is_read_with_its_labels_its_value_and_its_time() {
    let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    assert_eq!(
        planted(r#"up{job="a b",le="+Inf"} 1.5 -60000"#),
        Some(Planted {
            labels: labels(&[("__name__", "up"), ("job", "a b"), ("le", "+Inf")]),
            offset: -60_000,
            value: PlantedValue::Float(1.5)
        })
    );
    assert_eq!(
        planted(r#"x{a="b"} {{schema:0 count:9 sum:30 offset:1 buckets:[2 7]}}"#),
        Some(Planted {
            labels: labels(&[("__name__", "x"), ("a", "b")]),
            offset: 0,
            value: PlantedValue::Native {
                schema: 0,
                count: 9,
                sum: 30.0,
                offset: 1,
                custom: vec![],
                buckets: vec![2, 7]
            }
        })
    );
    assert_eq!(
        native("schema:-53 count:9 sum:30 custom_values:[0.1 1] buckets:[2 6 1]"),
        Some(PlantedValue::Native {
            schema: -53,
            count: 9,
            sum: 30.0,
            offset: 0,
            custom: vec![0.1, 1.0],
            buckets: vec![2, 6, 1]
        })
    );
    assert_eq!(planted("up 1"), None);
}
