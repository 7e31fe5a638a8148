//! Whatever comes from outside comes to a typed outcome: never a panic. Each test prints how many inputs it took.

use proptest::{prelude::*, test_runner::TestRunner};
use reqwest::StatusCode;

use super::{
    super::{
        Template, Window,
        answer::{Answer, Span, read},
        group, selector,
        source::Source,
    },
    answer::{asked, window},
    arguments, arms,
};
use crate::model::Timestamp;

const CASES: u32 = 4_000;

/// Runs a property on many inputs, the same at every run.
fn every<S: Strategy>(strategy: &S, what: &str, property: impl Fn(S::Value)) {
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let outcome = runner.run(strategy, |input| {
        property(input);
        Ok(())
    });
    if let Err(problem) = outcome {
        panic!("{what}: {problem}");
    }
    println!("{what}: {CASES} inputs");
}

/// Takes an answer through everything that reads it; what is wrong with it is a sentence.
fn through(answer: &Answer, times: &[Timestamp]) {
    if let Err(gap) = answer {
        assert!(!gap.to_string().is_empty());
    }
    let mut sources: Vec<_> = (0..3).map(|_| Source::new("query", answer.clone())).collect();
    for at in times {
        let gaps = [sources[0].numbers(*at).err(), sources[1].single(*at).err(), sources[2].histograms(*at).err()];
        for gap in gaps.into_iter().flatten() {
            assert!(!gap.to_string().is_empty() && !gap.reason().is_empty());
        }
    }
}

fn answer(status: u16, body: &[u8]) {
    let status = StatusCode::from_u16(status).unwrap();
    through(&read(status, body, Span::At(asked())), &[asked()]);
    through(&read(status, body, Span::Over(window())), &window().ticks().collect::<Vec<_>>());
}

fn success(kind: &str, result: &str) {
    answer(200, format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":[{result}]}}}}"#).as_bytes());
}

/// Numbers as Prometheus writes them, and as nobody should.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (0_u32..50).prop_map(|number| format!("\"{number}\"")),
        2 => any::<f64>().prop_map(|number| format!("\"{number}\"")),
        2 => prop_oneof![Just("\"NaN\""), Just("\"+Inf\""), Just("\"-Inf\""), Just("\"\""), Just("null"), Just("1e999")]
            .prop_map(str::to_owned),
    ]
}

/// Times that were asked for, and others.
fn time() -> impl Strategy<Value = String> {
    let right = prop_oneof![Just("1435781451.781"), Just("100"), Just("110"), Just("120"), Just("\"120\"")];
    prop_oneof![9 => right.prop_map(str::to_owned), 1 => number()]
}

fn labels() -> impl Strategy<Value = String> {
    let name = prop_oneof![Just("le"), Just("pod"), Just("quantile"), Just("__name__")];
    let value = prop_oneof![
        4 => prop_oneof![Just("0.1"), Just("1"), Just("+Inf"), Just("a"), Just("")].prop_map(str::to_owned),
        1 => "\\PC{0,5}",
    ];
    let label = (name, value).prop_map(|(name, value)| format!("{name:?}:{}", serde_json::to_string(&value).unwrap()));
    prop::collection::vec(label, 0..3).prop_map(|labels| format!("{{{}}}", labels.join(",")))
}

fn native() -> impl Strategy<Value = String> {
    let bucket = (0_u8..5, number(), number(), number())
        .prop_map(|(rule, left, right, count)| format!("[{rule},{left},{right},{count}]"));
    let buckets = prop::collection::vec(bucket, 0..5).prop_map(|buckets| buckets.join(","));
    (number(), number(), buckets)
        .prop_map(|(count, sum, buckets)| format!(r#"{{"count":{count},"sum":{sum},"buckets":[{buckets}]}}"#))
}

/// Series with values and histograms of one time or of several.
fn series() -> impl Strategy<Value = String> {
    let value = || (time(), number()).prop_map(|(time, value)| format!("[{time},{value}]"));
    let histogram = || (time(), native()).prop_map(|(time, histogram)| format!("[{time},{histogram}]"));
    let list = |items: Vec<String>| format!("[{}]", items.join(","));
    let field = prop_oneof![
        value().prop_map(|value| format!(r#""value":{value}"#)),
        histogram().prop_map(|histogram| format!(r#""histogram":{histogram}"#)),
        prop::collection::vec(value(), 0..4).prop_map(move |values| format!(r#""values":{}"#, list(values))),
        prop::collection::vec(histogram(), 0..3).prop_map(move |values| format!(r#""histograms":{}"#, list(values))),
    ];
    let one = (labels(), prop::collection::vec(field, 1..3))
        .prop_map(|(labels, fields)| format!(r#"{{"metric":{labels},{}}}"#, fields.join(",")));
    prop::collection::vec(one, 0..6).prop_map(|series| series.join(","))
}

/// JSON of any shape, with the names that mean something in an answer.
fn json() -> impl Strategy<Value = String> {
    let names = ["status", "data", "resultType", "result", "metric", "value", "values", "histogram", "histograms"];
    let more = ["buckets", "sum", "count", "warnings", "infos", "error", "errorType", "isPartial"];
    let name = prop::sample::select([&names[..], &more[..]].concat());
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            r#""success""#,
            r#""vector""#,
            r#""matrix""#,
            r#""scalar""#,
            "-1e308"
        ])
        .prop_map(str::to_owned),
        any::<f64>().prop_filter("JSON has no NaN", |number| number.is_finite()).prop_map(|number| number.to_string()),
        "[a-z\u{0}-\u{ff}]{0,6}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(6, 48, 4, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(",")));
        let map = prop::collection::vec((name.clone(), inner), 0..4).prop_map(|items| {
            let fields: Vec<_> = items.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
            format!("{{{}}}", fields.join(","))
        });
        prop_oneof![list, map]
    })
}

#[test]
fn any_bytes_come_to_an_outcome() {
    let inputs = (100_u16..1000, prop::collection::vec(any::<u8>(), 0..200));
    every(&inputs, "answers of any bytes", |(status, body)| answer(status, &body));
}

#[test]
fn any_json_comes_to_an_outcome() {
    every(&(json(), json()), "answers of any JSON", |(body, result)| {
        answer(200, body.as_bytes());
        answer(200, format!(r#"{{"status":"success","data":{body}}}"#).as_bytes());
        success("vector", &result);
        success("matrix", &format!(r#"{{"metric":{{"a":"b"}},"values":{result}}}"#));
        success("vector", &format!(r#"{{"metric":{{"a":"b"}},"histogram":[100,{result}]}}"#));
    });
}

#[test]
fn series_of_any_numbers_classic_and_native_come_to_an_outcome() {
    every(&series(), "vectors and matrices", |series| {
        success("vector", &series);
        success("matrix", &series);
    });
}

/// Pieces of PromQL and of templates, in any order.
fn query() -> impl Strategy<Value = String> {
    let pieces = [
        "{{", "}}", "{%", "{", "}", "(", ")", "[5m]", "sum", "by", "without", "up", "a", "=", "=~", "!=", ",", "\"",
        "'", "`", "\\", "\n", "#", " ", "args.x", "revision", "| regex", "if", "else", "offset", "@", "1", "-", "ä",
        "\u{0}",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..20).prop_map(|pieces| pieces.concat())
}

#[test]
fn any_text_is_a_template_or_an_error() {
    let variables = [("revision", "a".to_owned())].into();
    every(&query(), "templates", |text| {
        let rendered =
            Template::parse(&text).and_then(|template| template.render(&variables, &arguments(&[("x", "\"\n")])));
        if let Err(error) = rendered {
            assert!(!error.to_string().is_empty());
        }
    });
    let metric = super::super::MetricTemplate {
        name: "a".into(),
        address: None,
        queries: super::super::QueryTemplates::Gauge("{{ revision }}".into()),
    };
    assert!(metric.render(&arms(), &arguments(&[])).is_ok());
}

#[test]
fn any_queries_can_be_planned_and_each_is_asked_once() {
    every(&prop::collection::btree_set(query(), 1..6), "sets of queries", |queries| {
        let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
        let groups = group::plan(&queries);
        let mut members: Vec<usize> = groups.iter().flat_map(|group| group.members.clone()).collect();
        members.sort_unstable();
        assert!(members.into_iter().eq(0..queries.len()));
        for query in queries {
            // What is read and written again is read as the same.
            if let Some(read) = selector::Query::read(query) {
                assert_eq!(selector::Query::read(&read.to_string()), Some(read));
            }
        }
    });
}

#[test]
fn any_stretch_of_time_is_a_window_or_an_error() {
    let time =
        || any::<i64>().prop_map(|millisecond| Timestamp::from_millisecond(millisecond % 253_402_207_200_000).unwrap());
    every(&(time(), time(), any::<u64>()), "windows", |(from, to, step)| {
        match Window::new(from, to, std::time::Duration::from_millis(step)) {
            Ok(window) => assert!(window.ticks().all(|tick| from <= tick && tick <= to && window.tick(tick))),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
}
