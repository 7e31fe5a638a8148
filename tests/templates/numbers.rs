//! What the templates give of planted series, by the same way that the controller asks.

use std::{collections::BTreeMap, time::Duration};

use siskin::{
    api::Metric,
    measure::{
        AllowedAddresses, ArmCounters, Client, ClientOptions, Gap, HistogramSample, MeasureRequest, MetricOutcome,
        MetricTemplate, PerArm, Sample, measure, pod_of,
    },
    model::Timestamp,
};

use crate::{
    library::{Template, all, arms, files, queries, required},
    planted::{ArmNumbers, Case, Numbers},
    prometheus::Prometheus,
};

/// Between two cases: longer than any query looks back, so that no case sees another one's series.
const APART: Duration = Duration::from_mins(15);

/// A Prometheus with every case planted, each at a time of its own.
struct World {
    client: Client,
    cases: Vec<(Template, Case, Timestamp)>,
    _prometheus: Prometheus,
}

impl World {
    async fn planted(name: &str) -> Self {
        let prometheus = Prometheus::start(name);
        let planted = files("tests/templates/planted", "yaml");
        let mut at = Timestamp::from_second(1_700_000_000).unwrap();
        let mut cases = Vec::new();
        for template in all() {
            let text = planted.get(&template.name);
            let text = text.unwrap_or_else(|| panic!("nothing is planted for {}: write the file", template.name));
            for case in Case::read(&template.name, text) {
                at += APART;
                prometheus.plant(&case.planted(), at.as_millisecond()).await;
                cases.push((template.clone(), case, at));
            }
        }
        Self { client: client(&prometheus), cases, _prometheus: prometheus }
    }

    /// What one metric gives.
    async fn numbers(&self, template: &Template, metric: &Metric, case: &Case, at: Timestamp) -> Numbers {
        let queries = MetricTemplate::of(metric.name.clone(), metric).expect("a metric of one kind");
        let metrics = vec![queries.render(&case.arms(), &template.arguments(&case.args)).unwrap()];
        let looked = measure(&self.client, &MeasureRequest { at, metrics }).await;
        numbers(metric, &looked.metrics[0].1)
    }
}

fn client(prometheus: &Prometheus) -> Client {
    let options = ClientOptions { call_timeout: Duration::from_mins(1), ..ClientOptions::default() };
    Client::new(AllowedAddresses::new(&prometheus.url, &[]).unwrap(), options).unwrap()
}

#[tokio::test]
async fn every_query_is_one_that_prometheus_takes() {
    let prometheus = Prometheus::start("queries");
    let at = Timestamp::from_second(1_700_000_000).unwrap();
    for template in all() {
        let metrics = template.render(&arms(), &required());
        let looked = measure(&client(&prometheus), &MeasureRequest { at, metrics }).await;
        for (metric, outcome) in looked.metrics {
            let gap = outcome.gap().unwrap_or_else(|| panic!("{}/{metric} finds something in nothing", template.name));
            assert!(matches!(gap, Gap::NoSeries(_)), "{}/{metric}: {gap}", template.name);
        }
    }
}

#[tokio::test]
async fn every_template_gives_the_numbers_of_each_version_and_counts_nobody_else() {
    let world = World::planted("numbers").await;
    let mut wrong = Vec::new();
    for (template, case, at) in &world.cases {
        let mut found = BTreeMap::new();
        for metric in template.metrics() {
            found.insert(metric.name.clone(), world.numbers(template, metric, case, *at).await);
        }
        if found != case.expect {
            let (name, case, expected) = (&template.name, &case.case, &case.expect);
            wrong.push(format!("{name}: {case}\n  expected {expected:?}\n  found    {found:?}"));
        }
    }
    println!("{} cases", world.cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_query_without_any_one_of_its_conditions_counts_a_decoy() {
    let world = World::planted("conditions").await;
    let mut conditions = 0;
    let mut needless = Vec::new();
    for template in all() {
        for metric in template.metrics() {
            for (condition, without) in without_each_condition(metric) {
                conditions += 1;
                let mut seen = false;
                for (_, case, at) in world.cases.iter().filter(|(of, ..)| of.name == template.name) {
                    seen = seen || world.numbers(&template, &without, case, *at).await != case.expect[&metric.name];
                }
                if !seen {
                    needless.push(format!("{}/{}: {condition}", template.name, metric.name));
                }
            }
        }
    }
    println!("{conditions} conditions");
    assert!(conditions > 100, "{conditions} conditions were found");
    assert!(needless.is_empty(), "plant what these leave out:\n{}", needless.join("\n"));
}

/// The metric without one line of one of its queries that is a condition on a label, for each such line.
fn without_each_condition(metric: &Metric) -> Vec<(String, Metric)> {
    let mut changed = Vec::new();
    for (index, query) in queries(metric).into_iter().enumerate() {
        let lines: Vec<_> = query.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_condition(line)) {
            let mut kept = lines.clone();
            kept.remove(at);
            if !line.ends_with(',') {
                kept[at - 1] = kept[at - 1].trim_end_matches(',');
            }
            let mut without = metric.clone();
            *queries_mut(&mut without)[index] = kept.join("\n");
            changed.push((line.trim().to_owned(), without));
        }
    }
    changed
}

/// Whether a line is a condition on a label, such as `pod=~"web-.*",`. One on the name of the metric is none.
fn is_condition(line: &str) -> bool {
    let line = line.trim().trim_end_matches(',');
    let Some((label, value)) = line.split_once('"') else { return false };
    let operator = ["=", "=~", "!=", "!~"].iter().any(|operator| label.ends_with(operator));
    operator && value.ends_with('"') && !label.contains(['(', '[']) && !label.starts_with("__name__")
}

/// The queries of a metric, to change them; in the order of [`queries`].
fn queries_mut(metric: &mut Metric) -> Vec<&mut String> {
    let Metric { error_rate, latency, gauge, rate, threshold, .. } = metric;
    let mut found = Vec::new();
    found.extend(error_rate.iter_mut().flat_map(|kind| [&mut kind.requests, &mut kind.errors]));
    found.extend(latency.iter_mut().map(|kind| &mut kind.histogram));
    found.extend(gauge.iter_mut().map(|kind| &mut kind.query));
    found.extend(rate.iter_mut().flat_map(|kind| [&mut kind.requests, &mut kind.events]));
    found.extend(threshold.iter_mut().map(|kind| &mut kind.query));
    found
}

/// An outcome in the form of the planted files.
fn numbers(metric: &Metric, outcome: &MetricOutcome) -> Numbers {
    let pod = metric.pod.as_deref();
    let arms = |PerArm { stable, canary }| Numbers::Arms { stable, canary };
    match outcome {
        MetricOutcome::Counters(outcomes) => arms(outcomes.as_ref().map(|outcome| counters(outcome, pod))),
        MetricOutcome::Histograms(outcomes) => {
            arms(outcomes.as_ref().map(|outcome| of(outcome, |samples| histograms(samples, pod))))
        }
        MetricOutcome::Gauges(outcomes) => {
            arms(outcomes.as_ref().map(|outcome| of(outcome, |samples| ArmNumbers::Gauges(by_pod(samples, pod)))))
        }
        MetricOutcome::Value(Ok(value)) => Numbers::Value(rounded(*value)),
        MetricOutcome::Value(Err(gap)) => Numbers::Gap(reason(gap)),
    }
}

fn of<T>(outcome: &Result<T, Gap>, numbers: impl FnOnce(&T) -> ArmNumbers) -> ArmNumbers {
    outcome.as_ref().map_or_else(|gap| ArmNumbers::Gap(reason(gap)), numbers)
}

/// What a planted file calls a gap: the usual one by its name alone, any other with all that it says.
fn reason(gap: &Gap) -> String {
    match gap {
        Gap::NoSeries(_) => gap.reason().to_owned(),
        other => format!("{}: {other}", other.reason()),
    }
}

fn counters(outcome: &ArmCounters, pod: Option<&str>) -> ArmNumbers {
    of(outcome, |counters| ArmNumbers::Counters {
        requests: by_pod(&counters.requests, pod),
        events: by_pod(&counters.events, pod),
    })
}

fn by_pod(samples: &[Sample], pod: Option<&str>) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for sample in samples {
        *sums.entry(pod_of(&sample.labels, pod).to_owned()).or_insert(0.0) += sample.value;
    }
    for sum in sums.values_mut() {
        *sum = rounded(*sum);
    }
    sums
}

fn histograms(samples: &[HistogramSample], pod: Option<&str>) -> ArmNumbers {
    let mut pods = BTreeMap::<String, BTreeMap<String, f64>>::new();
    for sample in samples {
        let edges = pods.entry(pod_of(&sample.labels, pod).to_owned()).or_default();
        let mut below = 0.0;
        for bucket in sample.histogram.buckets() {
            below += bucket.count;
            let edge = if bucket.upper.is_infinite() { "+Inf".to_owned() } else { rounded(bucket.upper).to_string() };
            *edges.entry(edge).or_insert(0.0) += below;
        }
    }
    ArmNumbers::Histograms(pods)
}

/// To nine digits: what is planted is short, and what a query computes is exact to sixteen.
fn rounded(value: f64) -> f64 {
    format!("{value:.8e}").parse().unwrap()
}
