//! What is saved in queries changes no number: queries that are asked together give what each gives by itself, and a
//! window gives at each tick what a look at that time gives.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt;
use siskin::{
    measure::{
        AllowedAddresses, Client, ClientOptions, Counters, Gap, MeasureRequest, Measurement, MetricOutcome,
        MetricQuery, PerArm, Queries, Window, at_times, history, measure,
    },
    model::Timestamp,
};

use crate::{
    planted::{Planted, PlantedValue},
    prometheus::Prometheus,
};

/// What Prometheus takes as the end of a series.
const STALE: u64 = 0x7ff0_0000_0000_0002;
const BEGIN: i64 = 1_700_000_000_000;

fn planted(labels: &[(&str, &str)], value: PlantedValue) -> Planted {
    let given = labels.iter().filter(|(_, value)| !value.is_empty());
    let labels = given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Planted { labels, offset: 0, value }
}

fn float(labels: &[(&str, &str)], value: f64) -> Planted {
    planted(labels, PlantedValue::Float(value))
}

fn native(labels: &[(&str, &str)], buckets: &[i64]) -> Planted {
    let count = buckets.iter().sum::<i64>().unsigned_abs();
    let value = PlantedValue::Native {
        schema: 1,
        count,
        sum: count as f64,
        offset: 1,
        custom: Vec::new(),
        buckets: buckets.to_vec(),
    };
    planted(labels, value)
}

fn client(prometheus: &Prometheus) -> Client {
    let options = ClientOptions { call_timeout: Duration::from_mins(1), ..ClientOptions::default() };
    Client::new(AllowedAddresses::new(&prometheus.url, &[]).unwrap(), options).unwrap()
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(BEGIN + milliseconds).unwrap()
}

/// The metrics' outcomes, without the text of the query that found nothing.
fn outcomes(measurement: &Measurement) -> Vec<(String, MetricOutcome)> {
    fn plain<T: Clone>(result: &Result<T, Gap>) -> Result<T, Gap> {
        result.clone().map_err(|gap| if matches!(gap, Gap::NoSeries(_)) { Gap::NoSeries(String::new()) } else { gap })
    }
    let outcome = |outcome: &MetricOutcome| match outcome {
        MetricOutcome::Counters(arms) => MetricOutcome::Counters(arms.as_ref().map(plain)),
        MetricOutcome::Histograms(arms) => MetricOutcome::Histograms(arms.as_ref().map(plain)),
        MetricOutcome::Gauges(arms) => MetricOutcome::Gauges(arms.as_ref().map(plain)),
        MetricOutcome::Value(value) => MetricOutcome::Value(plain(value)),
    };
    measurement.metrics.iter().map(|(name, found)| (name.clone(), outcome(found))).collect()
}

/// Series whose labels are alike, missing, and such as a regular expression would read as something else.
fn crowd() -> Vec<Planted> {
    let values = ["", "a", "b", "a.b", "aXb", "a|b", "a\\b", "\"a\""];
    let mut series = Vec::new();
    for (hash, x) in values.iter().zip(0_i32..) {
        for (namespace, y) in ["shop", "blog", ""].iter().zip(0..) {
            for (code, z) in ["200", "500"].iter().zip(0..) {
                let number = f64::from(x * 31 + y * 7 + z);
                let pod = format!("web-{}", (x + y) % 3);
                let labels = [("code", *code), ("hash", *hash), ("namespace", *namespace), ("pod", &pod)];
                series.push(float(&[&[("__name__", "requests")], &labels[..]].concat(), number));
                for (le, part) in [("0.1", 0.5), ("+Inf", 1.0)] {
                    let labels =
                        [&[("__name__", "seconds_bucket")], &labels[..3], &[("le", le)], &labels[3..]].concat();
                    series.push(float(&labels, (number * part).floor()));
                }
                let buckets = [x * 2, y, z + 1].map(i64::from);
                series.push(native(&[&[("__name__", "seconds")], &labels[..]].concat(), &buckets));
            }
        }
    }
    series
}

/// Metrics of every kind in every form that is asked together; `by_itself` writes each query so that it is not.
fn metrics(by_itself: bool) -> Vec<MetricQuery> {
    let quoted = |value: &str| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    let written = |query: String| if by_itself { format!("({query})") } else { query };
    let forms: [fn(&str, &str) -> String; 5] = [
        |selector, more| format!("sum by (pod{more}) ({selector})"),
        |selector, _| format!("sum without (code) ({selector})"),
        |selector, more| format!("sum({selector}) by (pod, hash{more})"),
        |selector, _| format!("avg without (pod) ({selector})"),
        |selector, _| selector.to_owned(),
    ];
    let mut metrics = Vec::new();
    let hashes = ["a", "b", "a.b", "aXb", "a|b", "a\\b", "\"a\"", "", "nobody"];
    for namespace in ["shop", "blog", ""] {
        for pair in hashes.windows(2) {
            for (number, form) in forms.iter().enumerate() {
                let query = |name: &str, hash: &str, more: &str, rest: &str| {
                    let selector = format!("{name}{{namespace=\"{namespace}\", hash={}{rest}}}", quoted(hash));
                    written(form(&selector, more))
                };
                let arms = PerArm { stable: pair[0], canary: pair[1] };
                let counters = |hash: &str| Counters {
                    requests: query("requests", hash, "", ""),
                    events: query("requests", hash, "", ", code=~\"5..\""),
                };
                let kinds = [
                    Queries::Counters(arms.map(counters)),
                    Queries::Histogram(arms.map(|hash| query("seconds_bucket", hash, ", le", ""))),
                    Queries::Histogram(arms.map(|hash| query("seconds", hash, "", ""))),
                    Queries::Gauge(arms.map(|hash| query("requests", hash, "", ", code!=\"200\""))),
                    Queries::Threshold(query("requests", pair[0], "", "")),
                ];
                for (kind, queries) in kinds.into_iter().enumerate() {
                    let name = format!("{namespace} {pair:?} {number} {kind}");
                    metrics.push(MetricQuery { name, namespace: "shop".into(), address: None, queries });
                }
            }
        }
    }
    metrics
}

#[tokio::test]
async fn queries_that_are_asked_together_give_what_each_gives_by_itself() {
    let prometheus = Prometheus::start("together");
    prometheus.plant(&crowd(), BEGIN).await;
    let client = client(&prometheus);
    let look = async |by_itself| measure(&client, &MeasureRequest { at: at(1000), metrics: metrics(by_itself) }).await;
    let (together, apart) = (look(false).await, look(true).await);

    let mut kinds = BTreeMap::new();
    for ((name, together), (_, apart)) in outcomes(&together).iter().zip(outcomes(&apart)) {
        assert_eq!(*together, apart, "{name}");
        *kinds.entry(together.gap().map_or("Samples", Gap::reason)).or_insert(0) += 1;
    }
    println!(
        "{} metrics ({kinds:?}): {} queries instead of {}, {} spared",
        together.metrics.len(),
        together.queries.len(),
        apart.queries.len(),
        together.spared
    );
    assert!(kinds["Samples"] > 100 && kinds["NoSeries"] > 20, "{kinds:?}");
    assert!(together.queries.len() * 5 < apart.queries.len());
}

#[tokio::test]
async fn a_window_gives_at_each_tick_what_a_look_at_that_time_gives() {
    let prometheus = Prometheus::start("window");
    let pod =
        |name: &'static str, pod: &'static str, hash: &'static str| [("__name__", name), ("hash", hash), ("pod", pod)];
    for tick in 0..60_i32 {
        let number = f64::from(tick);
        let mut series = vec![
            float(&pod("requests", "web-0", "a"), number * 7.0),
            native(&pod("seconds", "web-0", "a"), &[i64::from(tick), 1]),
        ];
        for (le, part) in [("0.1", 2.0), ("1", 3.0), ("+Inf", 4.0)] {
            let labels = [("__name__", "seconds_bucket"), ("hash", "a"), ("le", le), ("pod", "web-0")];
            series.push(float(&labels, number * part));
        }
        // A pod that ends, one that comes, and one that is not scraped at every tick.
        if tick < 20 {
            series.push(float(&pod("requests", "web-1", "a"), number));
        } else if tick == 20 {
            series.push(float(&pod("requests", "web-1", "a"), f64::from_bits(STALE)));
        }
        if tick > 30 {
            series.push(float(&pod("requests", "canary-0", "b"), number));
            series.push(native(&pod("seconds", "canary-0", "b"), &[1, i64::from(tick)]));
        }
        if tick % 4 == 0 {
            series.push(float(&pod("requests", "web-2", "a"), number * number));
        }
        prometheus.plant(&series, BEGIN + i64::from(tick) * 15_000).await;
    }
    let arms = || PerArm { stable: "a", canary: "b" };
    let counters = |hash: &str| Counters {
        requests: format!("sum by (pod) (requests{{hash=\"{hash}\"}})"),
        events: format!("requests{{hash=\"{hash}\"}} > 50"),
    };
    let metric =
        |name: &str, queries| MetricQuery { name: name.into(), namespace: "shop".into(), address: None, queries };
    let metrics = [
        metric("errors", Queries::Counters(arms().map(counters))),
        metric("native", Queries::Histogram(arms().map(|hash| format!("seconds{{hash=\"{hash}\"}}")))),
        metric("classic", Queries::Histogram(arms().map(|hash| format!("seconds_bucket{{hash=\"{hash}\"}}")))),
        metric("gauge", Queries::Gauge(arms().map(|hash| format!("requests{{hash=\"{hash}\"}}")))),
        metric("limit", Queries::Threshold("sum(requests{hash=\"b\"})".into())),
        metric("refused", Queries::Threshold("sum(".into())),
    ];
    let client = client(&prometheus);
    for step in [5, 15, 60] {
        let window = Window::new(at(-60_000), at(1_300_000), Duration::from_secs(step)).unwrap();
        let times: Vec<_> = window.ticks().collect();
        let over = history(&client, &metrics, window).await;
        let looks: Vec<_> = at_times(&client, &metrics, &times).collect().await;
        assert_eq!(over.len(), looks.len());
        for (tick, look) in over.iter().zip(&looks) {
            assert_eq!(tick.at, look.at);
            assert_eq!(tick.metrics, look.metrics, "{}", tick.at);
        }
        let queries: usize = over.iter().map(|tick| tick.queries.len()).sum();
        println!("{} ticks of {step} s: {queries} queries", times.len());
        let samples = over.iter().filter(|tick| tick.metrics[0].1.gap().is_none()).count();
        assert!(samples > 0 && samples < times.len(), "some ticks have both versions and some have not");
    }
}
