//! Queries that are bounded to a namespace, on a real Prometheus: it is the one who says what a query means. Another
//! namespace has a series like each that the queries ask for, with values that can't be overlooked.

use std::time::Duration;

use proptest::{
    prelude::*,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use siskin::{
    measure::{
        AllowedAddresses, Client, ClientOptions, Enforced, MeasureRequest, MetricOutcome, MetricQuery, PerArm, Queries,
        Sample, measure,
    },
    model::Timestamp,
};

use crate::{
    library::{all, arms, required},
    planted::{Planted, PlantedValue},
    prometheus::Prometheus,
};

const BEGIN: i64 = 1_700_000_000_000;
/// What the other namespace has; nobody else comes near it.
const POISON: f64 = 1e12;

/// Queries as authors write them, in tokens. Words of the language are names of metrics too.
const QUERIES: [&str; 16] = [
    "up",
    "up {}",
    "{ __name__ = \"up\" }",
    "{ \"up\" , a != \"x\" }",
    "sum by ( pod , namespace ) ( up )",
    "sum ( up ) by ( namespace )",
    "max_over_time ( up [5m] ) + 0",
    "max_over_time ( up [5m:1s] offset -1s )",
    "up @ end() or offset",
    "up * on ( pod , namespace ) group_left ( a ) up",
    "up and ignoring ( a ) up unless by",
    "label_replace ( up , \"b\" , \"$1\" , \"namespace\" , \"(.*)\" )",
    "topk ( 5 , up ) > bool 0",
    "- up ^ 1 # up\n + up",
    "count_values ( 'v' , { __name__ =~ \".+\" } )",
    "quantile without ( a ) ( 0.5 , up ) or vector ( 1 )",
];

/// What a hostile author puts between them.
const TOKENS: [&str; 40] = [
    "up",
    "by",
    "on",
    "offset",
    "sum",
    "group_left",
    "bool",
    "start",
    "(",
    ")",
    "{",
    "}",
    "{}",
    ",",
    "\"",
    "'",
    "`",
    "\\",
    "#",
    "\n",
    "\r",
    "=",
    "=~",
    "!=",
    "[5m]",
    "[5m:]",
    "@",
    "or",
    "and",
    "+",
    "-",
    "1",
    ".",
    "namespace = \"blog\"",
    "namespace != \"shop\"",
    "\"namespace\" =~ \".*\"",
    "{ namespace = \"blog\" }",
    "ignoring ()",
    "without ()",
    "end()",
];

/// One of the queries, with a few tokens changed.
fn hostile() -> impl Strategy<Value = String> {
    let edit = (any::<prop::sample::Index>(), prop::sample::select(&TOKENS[..]), 0..3_u8);
    (prop::sample::select(&QUERIES[..]), prop::collection::vec(edit, 0..4)).prop_map(|(query, edits)| {
        let mut tokens: Vec<&str> = query.split(' ').collect();
        for (index, token, kind) in edits {
            let at = index.index(tokens.len());
            match kind {
                0 => tokens.insert(at, token),
                1 => tokens[at] = token,
                _ if tokens.len() > 1 => drop(tokens.remove(at)),
                _ => tokens.push(token),
            }
        }
        tokens.join(" ")
    })
}

async fn answers(client: &Client, queries: &[String]) -> Vec<Option<Vec<Sample>>> {
    let metric = |query: &String| MetricQuery {
        name: query.clone(),
        namespace: "shop".into(),
        address: None,
        queries: Queries::Gauge(PerArm { stable: query.clone(), canary: "vector(0)".into() }),
    };
    let at = Timestamp::from_millisecond(BEGIN + 1_000).unwrap();
    let looked = measure(client, &MeasureRequest { at, metrics: queries.iter().map(metric).collect() }).await;
    let stable = |(_, outcome): (String, MetricOutcome)| match outcome {
        MetricOutcome::Gauges(arms) => arms.stable.ok(),
        other => panic!("{other:?}"),
    };
    looked.metrics.into_iter().map(stable).collect()
}

fn leaks(samples: &[Sample]) -> bool {
    samples
        .iter()
        .any(|sample| sample.value.abs() > POISON.sqrt() || sample.labels.values().any(|value| value.contains("blog")))
}

/// Nobody answers, so what is refused is refused before it is asked.
#[tokio::test]
async fn the_queries_of_the_library_can_be_bounded() {
    let addresses = AllowedAddresses::new("http://127.0.0.1:9", &[]).unwrap();
    let client = Client::new(addresses, ClientOptions::default()).unwrap();
    let client = client.enforcing(Enforced::new("namespace").unwrap());
    let at = Timestamp::from_millisecond(BEGIN).unwrap();
    for template in all() {
        let metrics = template.render(&arms(), &required());
        for (metric, outcome) in measure(&client, &MeasureRequest { at, metrics }).await.metrics {
            let gap = outcome.gap().expect("nobody answers");
            assert!(gap.is_outage(), "{}/{metric}: {gap}", template.name);
        }
    }
}

#[tokio::test]
async fn no_query_gets_at_the_series_of_another_namespace() {
    let prometheus = Prometheus::start("bounded");
    let mut series = Vec::new();
    for name in ["up", "by", "on", "offset", "sum", "group_left", "bool", "start", "a", "pod", "x"] {
        for (namespace, pod, value) in [("shop", "0", 1.0), ("shop", "1", 2.0), ("blog", "0", POISON)] {
            let labels = [("__name__", name), ("a", "b"), ("namespace", namespace), ("pod", pod)];
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
            series.push(Planted { labels, offset: 0, value: PlantedValue::Float(value) });
        }
    }
    prometheus.plant(&series, BEGIN).await;
    let options = ClientOptions { call_timeout: Duration::from_mins(2), ..ClientOptions::default() };
    let open = Client::new(AllowedAddresses::new(&prometheus.url, &[]).unwrap(), options).unwrap();
    let bounded = open.clone().enforcing(Enforced::new("namespace").unwrap());

    let honest: Vec<String> = QUERIES
        .iter()
        .filter(|query| !query.ends_with("offset") && !query.ends_with("by"))
        .map(|query| (*query).to_owned())
        .collect();
    for (query, samples) in honest.iter().zip(answers(&bounded, &honest).await) {
        let samples = samples.unwrap_or_else(|| panic!("`{query}` gives nothing"));
        assert!(!leaks(&samples), "`{query}` gives {samples:?}");
    }

    let mut runner = TestRunner::deterministic();
    let strategy = hostile();
    let queries: Vec<String> = (0..3_000).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    let (mut leaked, mut answered) = (0, 0);
    for ((query, open), bounded) in
        queries.iter().zip(answers(&open, &queries).await).zip(answers(&bounded, &queries).await)
    {
        leaked += usize::from(open.is_some_and(|samples| leaks(&samples)));
        if let Some(samples) = bounded {
            answered += 1;
            assert!(!leaks(&samples), "`{query}` gives {samples:?}");
        }
    }
    println!(
        "{} hostile queries: {leaked} leak by themselves, {answered} are answered when they are bounded",
        queries.len()
    );
    assert!(leaked > 300 && answered > 300, "{leaked} leak, {answered} are answered");
}
