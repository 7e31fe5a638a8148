//! Bad data, each kind by itself: what comes of it is a typed outcome with a sentence.

use super::{
    super::{
        Gap, HistogramSample, QueryOutcome,
        answer::Answer,
        source::{Source, counters},
    },
    answer::{asked, matrix, vector, window},
};
use crate::model::Timestamp;

/// An answer with these series, each as labels and the texts of time and value.
fn series(list: &[(&str, &str)]) -> Answer {
    let one =
        |(labels, value): &(&str, &str)| format!(r#"{{"metric":{{{labels}}},"value":[1435781451.781,"{value}"]}}"#);
    vector(&list.iter().map(one).collect::<Vec<_>>().join(","))
}

fn numbers(answer: Answer) -> QueryOutcome {
    Source::new("query", answer).numbers(asked())
}

fn single(answer: Answer) -> Result<f64, Gap> {
    Source::new("query", answer).single(asked())
}

fn histograms(answer: Answer) -> Result<Vec<HistogramSample>, Gap> {
    Source::new("query", answer).histograms(asked())
}

/// The sentence of histograms that can't be used.
fn unusable(answer: Answer) -> String {
    match histograms(answer) {
        Err(gap @ Gap::WrongShape(_)) => gap.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nan_and_infinite_counters_are_handed_on_for_the_judge_to_drop() {
    let samples = numbers(series(&[(r#""pod":"a""#, "NaN"), (r#""pod":"b""#, "+Inf"), (r#""pod":"c""#, "-Inf")]));
    let values: Vec<_> = samples.unwrap().iter().map(|sample| sample.value.to_string()).collect();
    assert_eq!(values, ["NaN", "inf", "-inf"]);
}

#[test]
fn negative_counters_are_handed_on_for_the_judge_to_drop() {
    assert!(numbers(series(&[("", "-3")])).unwrap()[0].value < 0.0);
}

#[test]
fn an_empty_answer_is_a_gap_with_its_query() {
    for outcome in [numbers(vector("")).map(drop), single(vector("")).map(drop), histograms(vector("")).map(drop)] {
        assert_eq!(outcome, Err(Gap::NoSeries("query".into())));
    }
}

#[test]
fn a_threshold_needs_exactly_one_finite_value() {
    assert_eq!(single(series(&[("", "0.25")])), Ok(0.25));
    assert_eq!(single(series(&[("", "NaN")])), Err(Gap::NotFinite("NaN".into())));
    assert_eq!(single(series(&[("", "+Inf")])), Err(Gap::NotFinite("inf".into())));
    let several = single(series(&[(r#""pod":"a""#, "1"), (r#""pod":"b""#, "1"), (r#""pod":"c""#, "1")]));
    assert_eq!(
        several.unwrap_err().to_string(),
        r#"the query can't be used: it gives 3 series ({pod="a"}, {pod="b"}, ..), and a threshold needs one"#
    );
}

#[test]
fn the_series_of_a_classic_histogram_are_one_for_each_set_of_the_other_labels() {
    let found = histograms(series(&[
        (r#""pod":"a","le":"+Inf""#, "10"),
        (r#""pod":"a","le":"0.1""#, "7"),
        (r#""pod":"b","le":"0.1""#, "1"),
        (r#""pod":"b","le":"+Inf""#, "1"),
        (r#""pod":"a","le":"0.50""#, "9"),
    ]))
    .unwrap();
    let read: Vec<_> =
        found.iter().map(|found| (&*found.series, found.histogram.count(), found.histogram.above(0.1))).collect();
    assert_eq!(read, [(r#"{pod="a"}"#, 10.0, Some(3.0)), (r#"{pod="b"}"#, 1.0, Some(0.0))]);
    assert_eq!(found[0].labels.get("pod").map(String::as_str), Some("a"));
    assert!(!found[0].labels.contains_key("le"));
}

#[test]
fn a_missing_infinite_bucket_is_marked() {
    let found = histograms(series(&[(r#""le":"0.1""#, "7"), (r#""le":"1""#, "9")])).unwrap();
    assert!(found[0].histogram.is_open());
}

#[test]
fn what_is_no_histogram_is_said_with_the_series_that_is_none() {
    let summary = unusable(series(&[(r#""pod":"a","quantile":"0.99""#, "0.2")]));
    assert!(summary.contains(r#"{pod="a",quantile="0.99"}: "#) && summary.contains("it is a summary"), "{summary}");
    let plain = unusable(series(&[(r#""pod":"a""#, "17")]));
    assert!(plain.contains("no `le` label and is no native histogram"), "{plain}");
    let edge = unusable(series(&[(r#""le":"fast""#, "17")]));
    assert!(edge.contains("`fast` is not a number"), "{edge}");
    let negative = unusable(series(&[(r#""le":"0.1""#, "-1"), (r#""le":"+Inf""#, "3")]));
    assert!(negative.contains("counts -1, which is no count"), "{negative}");
    for (value, shown) in [("NaN", "NaN"), ("+Inf", "inf")] {
        let sentence = unusable(series(&[(r#""le":"0.1""#, value)]));
        assert!(sentence.contains(&format!("counts {shown}, which is no count")), "{sentence}");
    }
}

#[test]
fn a_histogram_that_is_both_native_and_classic_is_neither() {
    let native =
        r#"{"metric":{"pod":"a"},"histogram":[1435781451.781,{"count":"1","sum":"1","buckets":[[0,"1","2","1"]]}]}"#;
    let classic = r#"{"metric":{"pod":"a","le":"+Inf"},"value":[1435781451.781,"1"]}"#;
    let sentence = unusable(vector(&format!("{native},{classic}")));
    assert!(sentence.contains(r#"{pod="a"}: it is given both as a native and as a classic histogram"#), "{sentence}");

    let other = classic.replace(r#""pod":"a""#, r#""pod":"b""#);
    let found = histograms(vector(&format!("{native},{other}"))).unwrap();
    assert_eq!(found.len(), 2, "of two pods one may have been updated");
}

#[test]
fn a_native_histogram_is_no_number_and_a_broken_one_is_said() {
    let native = |buckets: &str| {
        vector(&format!(
            r#"{{"metric":{{"pod":"a"}},"histogram":[1435781451.781,{{"count":"1","sum":"1","buckets":[{buckets}]}}]}}"#
        ))
    };
    let sound = || native(r#"[0,"1","2","1"]"#);
    assert_eq!(histograms(sound()).unwrap()[0].histogram.above(1.0), Some(1.0));
    for gap in [numbers(sound()).unwrap_err(), single(sound()).unwrap_err()] {
        assert!(gap.to_string().contains("it gives native histograms"), "{gap}");
    }
    let overlap = unusable(native(r#"[0,"1","2","1"],[0,"1.5","3","1"]"#));
    assert!(overlap.contains(r#"{pod="a"}: the buckets up to 2 and up to 3 overlap"#), "{overlap}");
    let backwards = unusable(native(r#"[0,"2","1","1"]"#));
    assert!(backwards.contains("`2..1` is not a number"), "{backwards}");
}

#[test]
fn an_answer_about_another_time_is_none() {
    let at = |time: &str| vector(&format!(r#"{{"metric":{{}},"value":[{time},"1"]}}"#));
    for time in ["1435781451.781", "1435781451", "1435781500.5", "1435781400"] {
        assert!(at(time).is_ok(), "{time}: rounded, perhaps");
    }
    for time in ["1435785051.781", "1435777851.781", "0", "-1", "1"] {
        let gap = at(time).unwrap_err();
        assert_eq!(gap.reason(), "PrometheusDown", "{time}");
        assert!(gap.to_string().contains("was not asked for; is its clock right?"), "{gap}");
    }
    for time in ["1e300", "-1e300", "\"NaN\"", "\"+Inf\""] {
        assert!(at(time).unwrap_err().to_string().contains("is not a time"), "{time}");
    }
}

#[test]
fn values_that_are_not_in_the_order_of_time_or_off_the_ticks_are_no_answer() {
    let over = |values: &str| matrix(&format!(r#"{{"metric":{{"pod":"a"}},"values":[{values}]}}"#));
    assert!(over(r#"[100,"1"],[110,"2"],[120,"3"]"#).is_ok());
    for values in [r#"[110,"1"],[100,"2"]"#, r#"[100,"1"],[100,"2"]"#] {
        let sentence = over(values).unwrap_err().to_string();
        assert!(sentence.contains(r#"the values of {pod="a"} are not in the order of time"#), "{sentence}");
    }
    for values in [r#"[105,"1"]"#, r#"[130,"1"]"#, r#"[90,"1"]"#, r#"[100.5,"1"]"#] {
        assert!(over(values).unwrap_err().to_string().contains("was not asked for"), "{values}");
    }
    let twice = r#"{"metric":{},"values":[[100,"1"]],"histograms":[[100,{"count":"0","sum":"0"}]]}"#;
    assert!(matrix(twice).unwrap_err().to_string().contains("not in the order of time"));
}

#[test]
fn a_series_that_comes_twice_or_has_no_value_is_no_answer() {
    let twice = vector(r#"{"metric":{},"value":[1435781451.781,"1"]},{"metric":{},"value":[1435781451.781,"2"]}"#);
    assert!(twice.unwrap_err().to_string().contains("{} comes twice"));
    assert!(matrix(r#"{"metric":{"a":"b"}}"#).unwrap_err().to_string().contains(r#"{a="b"} has no value"#));
    let both = r#"{"metric":{},"value":[1435781451.781,"1"],"histogram":[1435781451.781,{"count":"0","sum":"0"}]}"#;
    assert_eq!(vector(both).unwrap_err().reason(), "PrometheusDown");
}

#[test]
fn at_each_tick_there_are_the_series_that_have_a_value_then() {
    let answer = matrix(
        r#"{"metric":{"pod":"a"},"values":[[100,"1"],[120,"3"]]},{"metric":{"pod":"b"},"values":[[110,"7"],[120,"8"]]}"#,
    );
    let mut source = Source::new("query", answer);
    let at = |source: &mut Source, seconds| {
        let samples = source.numbers(Timestamp::from_second(seconds).unwrap()).unwrap();
        samples.iter().map(|sample| (sample.series.to_string(), sample.value)).collect::<Vec<_>>()
    };
    let (a, b) = (r#"{pod="a"}"#.to_owned(), r#"{pod="b"}"#.to_owned());
    assert_eq!(at(&mut source, 100), [(a.clone(), 1.0)]);
    assert_eq!(at(&mut source, 110), [(b.clone(), 7.0)]);
    assert_eq!(at(&mut source, 120), [(a, 3.0), (b, 8.0)]);
}

#[test]
fn a_tick_without_any_series_is_a_gap_and_the_next_one_is_not() {
    let mut source = Source::new("query", matrix(r#"{"metric":{},"values":[[110,"1"]]}"#));
    let found: Vec<_> = window().ticks().map(|at| source.numbers(at).is_ok()).collect();
    assert_eq!(found, [false, true, false]);
}

#[test]
fn a_histogram_that_changes_its_layout_or_its_kind_in_mid_window_is_read_at_each_tick() {
    let classic = |edge: &str, values: &str| format!(r#"{{"metric":{{"pod":"a","le":"{edge}"}},"values":[{values}]}}"#);
    let native = r#"{"metric":{"pod":"a"},"histograms":[[120,{"count":"4","sum":"1","buckets":[[0,"1","2","4"]]}]]}"#;
    let list = [
        classic("0.1", r#"[100,"1"]"#),
        classic("0.2", r#"[110,"2"]"#),
        classic("+Inf", r#"[100,"2"],[110,"3"]"#),
        native.to_owned(),
    ];
    let mut source = Source::new("query", matrix(&list.join(",")));
    let edges: Vec<Vec<f64>> = window()
        .ticks()
        .map(|at| {
            source
                .histograms(at)
                .unwrap()
                .iter()
                .flat_map(|found| found.histogram.edges().collect::<Vec<_>>())
                .collect()
        })
        .collect();
    assert_eq!(edges, [vec![0.1], vec![0.2], vec![2.0]]);
}

#[test]
fn where_requests_are_seen_a_gap_of_the_events_other_than_none_is_a_gap() {
    let requests = || numbers(series(&[("", "7")]));
    assert!(counters(requests(), numbers(vector(""))).unwrap().events.is_empty());
    let text = r#"{"metric":{},"histogram":[1435781451.781,{"count":"0","sum":"0"}]}"#;
    assert_eq!(counters(requests(), numbers(vector(text))).unwrap_err().reason(), "QueryResultUnusable");
}
