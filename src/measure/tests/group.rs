//! Which queries are asked as one, and that each gets from that what it would have got by itself. The same is compared
//! on a real Prometheus in `tests/measure`.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{
    Labels,
    answer::{Series, Value},
    group::plan,
    selector::{Aggregation, Query},
    series::text,
};
use super::answer::asked;

/// The queries that are sent.
fn sent(queries: &[&str]) -> Vec<String> {
    let mut sent: Vec<_> = plan(queries).into_iter().map(|group| group.query).collect();
    sent.sort();
    sent
}

#[test]
fn the_arms_of_a_metric_are_asked_as_one() {
    let requests =
        |hash| format!("sum by (pod, instance) (requests{{\n  namespace=\"shop\",\n  hash=\"{hash}\"\n}})\n");
    assert_eq!(
        sent(&[&requests("7d4b9"), &requests("5c8f6")]),
        [r#"sum by (pod, instance, hash) (requests{namespace="shop",hash=~"5c8f6|7d4b9"})"#]
    );
}

#[test]
fn the_rollouts_of_a_template_are_asked_as_one() {
    let queries: Vec<String> = ["shop", "blog"]
        .iter()
        .flat_map(|namespace| {
            ["web", "web-canary"]
                .map(|name| format!(r#"sum by (pod) (r{{ns="{namespace}", workload="{name}", code=~"5.."}})"#))
        })
        .collect();
    let queries: Vec<_> = queries.iter().map(String::as_str).collect();
    assert_eq!(
        sent(&queries),
        [r#"sum by (pod, ns, workload) (r{ns=~"blog|shop",workload=~"web|web-canary",code=~"5.."})"#]
    );
}

#[test]
fn many_rollouts_are_asked_in_groups_of_a_bounded_size() {
    let queries: Vec<String> = (0..500).map(|number| format!(r#"up{{hash="{number}"}}"#)).collect();
    let groups = plan(&queries.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(groups.len(), 500_usize.div_ceil(64));
    let strangers: Vec<String> = (0..64).map(|number| format!(r#"up{{ns="{number}", app="{number}"}}"#)).collect();
    let groups = plan(&strangers.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(groups.iter().all(|group| group.members.len() <= 4), "combinations that nobody asked for are few");
}

#[test]
fn where_an_answer_could_not_be_parted_each_is_asked_by_itself() {
    let cases = [
        [r#"sum(up{a="1"}) / 2"#, r#"sum(up{a="2"}) / 2"#],
        [r#"rate(up{a="1"}[5m])"#, r#"rate(up{a="2"}[5m])"#],
        [r#"up{a="1"} offset 5m"#, r#"up{a="2"} offset 5m"#],
        [r#"up{a="1"} @ 100"#, r#"up{a="2"} @ 100"#],
        [r#"topk(1, up{a="1"})"#, r#"topk(1, up{a="2"})"#],
        [r#"sum without (a) (up{a="1"})"#, r#"sum without (a) (up{a="2"})"#],
        [r#"up{a=~"1"}"#, r#"up{a=~"2"}"#],
        [r#"up{a!="1"}"#, r#"up{a!="2"}"#],
        [r#"up{a="1"}"#, r#"down{a="1"}"#],
        [r#"{__name__="up"}"#, r#"{__name__="down"}"#],
        [r#"up{a="1", a=~".*"}"#, r#"up{a="2", a=~".*"}"#],
        [r#"up{a="1"} # one"#, r#"up{a="2"} # two"#],
        [r#"up{a="\x31"}"#, r#"up{a="\x32"}"#],
        [r#"-up{a="1"}"#, r#"-up{a="2"}"#],
        [r#"sum by (b) (up{a="1"}) by (b)"#, r#"sum by (b) (up{a="2"}) by (b)"#],
        [r#"up{"a"="1"}"#, r#"up{"a"="2"}"#],
    ];
    for pair in cases {
        let mut expected = pair.map(str::to_owned);
        expected.sort();
        assert_eq!(sent(&pair), expected);
    }
}

#[test]
fn what_is_written_in_another_way_is_read_as_the_same() {
    let written = [
        r#"sum by (pod) (up{a="1",b='x"y'})"#,
        r#"sum(up{a="1", b="x\"y"}) by (pod)"#,
        "sum by(pod)(up{a=`1`,b=`x\"y`,})",
        "\tsum  by ( pod, )\n( up { a = '1' , b='x\"y' } )  ",
    ];
    let read = written.map(|text| Query::read(text).unwrap());
    assert!(read.iter().all(|query| *query == read[0]), "{read:?}");
    assert!(Query::read("sum(up)").unwrap().aggregation.is_some_and(|aggregation| aggregation.labels.is_empty()));
}

/// A small Prometheus: what a query that can be read gives of some series, each once and with whole numbers.
fn evaluate(query: &Query, world: &[(Labels, f64)]) -> BTreeMap<Labels, f64> {
    let meets = |labels: &Labels| {
        let named = labels.get("__name__").is_some_and(|name| *name == query.name);
        named
            && query.matchers.iter().all(|matcher| {
                let value = labels.get(&matcher.label).map_or("", String::as_str);
                // Only the expressions that grouping writes: words with `|` between them, or what the tests name.
                let any = matcher.value.split('|').any(|word| word.replace('\\', "") == value);
                match matcher.operator {
                    "=" => value == matcher.value,
                    "!=" => value != matcher.value,
                    "=~" => any,
                    _ => !any,
                }
            })
    };
    let mut groups: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
    for (labels, value) in world.iter().filter(|(labels, _)| meets(labels)) {
        let mut kept = labels.clone();
        if let Some(Aggregation { by, labels, .. }) = &query.aggregation {
            kept.remove("__name__");
            kept.retain(|label, _| labels.contains(label) == *by);
        }
        groups.entry(kept).or_default().push(*value);
    }
    let operator = query.aggregation.as_ref().map_or("sum", |aggregation| aggregation.operator.as_str());
    let value = |values: Vec<f64>| match operator {
        "min" => values.into_iter().fold(f64::INFINITY, f64::min),
        "max" => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
        "count" => values.len() as f64,
        _ => values.into_iter().sum(),
    };
    groups.into_iter().map(|(labels, values)| (labels, value(values))).collect()
}

fn answer(query: &str, world: &[(Labels, f64)]) -> Vec<Series> {
    let found = evaluate(&Query::read(query).unwrap(), world);
    let series = |(labels, value): (Labels, f64)| Series {
        text: text(&labels).into(),
        labels: labels.into(),
        points: vec![(asked(), Value::Number(value))],
    };
    let mut series: Vec<_> = found.into_iter().map(series).collect();
    series.sort_by(|one, other| one.text.cmp(&other.text));
    series
}

/// Series with few labels of few values, one that regular expressions read as something else and one that is missing.
fn world() -> impl Strategy<Value = Vec<(Labels, f64)>> {
    let value = || prop::sample::select(vec!["", "a", "b", "a.b", "aXb"]);
    let labels = (value(), value(), value()).prop_map(|(x, y, z)| {
        let all = [("__name__", "up"), ("x", x), ("y", y), ("z", z)];
        all.into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.into(), value.into()))
            .collect()
    });
    prop::collection::btree_map(labels, 0_u8..100, 0..40)
        .prop_map(|world| world.into_iter().map(|(labels, value)| (labels, f64::from(value))).collect())
}

/// Queries that may be asked together.
fn queries() -> impl Strategy<Value = Vec<String>> {
    let value = || prop::sample::select(vec!["", "a", "b", "a.b", "aXb"]);
    let labels = prop::sample::subsequence(vec!["x", "y", "z"], 0..=3).prop_map(|labels| labels.join(", "));
    let around = (prop::sample::select(vec!["", "sum by", "sum without", "max by", "min without", "count by"]), labels);
    let conditions = prop::collection::btree_set((value(), value()), 1..6);
    (around, prop::sample::select(vec!["=", "!=", "=~"]), conditions).prop_map(
        |((around, labels), operator, values)| {
            let query = |(x, y): (&str, &str)| {
                let y = if operator == "=~" { y.replace('.', "\\\\.") } else { y.to_owned() };
                let selector = format!(r#"up{{x="{x}",y{operator}"{y}"}}"#);
                if around.is_empty() { selector } else { format!("{around} ({labels}) ({selector})") }
            };
            values.into_iter().map(query).collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn each_query_gets_what_it_would_have_got_by_itself(world in world(), queries in queries()) {
        let queries: Vec<_> = queries.iter().map(String::as_str).collect();
        for group in plan(&queries) {
            let parts = group.part(&answer(&group.query, &world));
            for (member, part) in group.members.iter().zip(parts) {
                prop_assert_eq!(&part, &answer(queries[*member], &world), "{} as {}", queries[*member], group.query);
            }
        }
    }
}
