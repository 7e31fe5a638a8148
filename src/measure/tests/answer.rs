//! Each answer comes to the right outcome: what is read from it, and of what is no answer the reason.

use reqwest::StatusCode;

use super::super::{
    Gap, Window,
    answer::{Answer, Series, Span, Value, read},
};
use crate::{judge::histogram::Layout, model::Timestamp};

/// The time that every question of this file is about.
pub(super) fn asked() -> Timestamp {
    Timestamp::from_millisecond(1_435_781_451_781).unwrap()
}

pub(super) fn answer(status: u16, body: &str) -> Answer {
    read(StatusCode::from_u16(status).unwrap(), body.as_bytes(), Span::At(asked()))
}

/// The answer with these series to a question about one time.
pub(super) fn vector(result: &str) -> Answer {
    answer(200, &format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{result}]}}}}"#))
}

/// Ticks at 100 s, 110 s and 120 s since 1970.
pub(super) fn window() -> Window {
    let time = |seconds| Timestamp::from_second(seconds).unwrap();
    Window::new(time(100), time(120), std::time::Duration::from_secs(10)).unwrap()
}

/// The answer with these series to a question about three ticks.
pub(super) fn matrix(result: &str) -> Answer {
    let body = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{result}]}}}}"#);
    read(StatusCode::OK, body.as_bytes(), Span::Over(window()))
}

fn reason(answer: &Answer) -> &'static str {
    match answer {
        Ok(series) if series.is_empty() => "NoSeries",
        Ok(_) => "Samples",
        Err(gap) => gap.reason(),
    }
}

fn number(series: &Series) -> f64 {
    match series.points[0].1 {
        Value::Number(number) => number,
        Value::Native(_) => panic!("{series:?}"),
    }
}

#[test]
fn series_are_sorted_by_their_labels_and_keep_values_that_are_no_numbers() {
    let series = vector(
        r#"{"metric":{"pod":"web-2","instance":"10.0.0.2:80"},"value":[1435781451.781,"NaN"]},
           {"metric":{"pod":"web-1","instance":"10.0.0.1:80"},"value":["1435781451.781","+Inf"]},
           {"metric":{"pod":"a \"b\" \\ c"},"value":[1435781451.781,17]},
           {"metric":{},"value":[1435781451.781,"1.5e3"]}"#,
    )
    .unwrap();
    let read: Vec<_> = series.iter().map(|series| (&*series.text, number(series).to_string())).collect();
    let expected = [
        (r#"{instance="10.0.0.1:80",pod="web-1"}"#, "inf"),
        (r#"{instance="10.0.0.2:80",pod="web-2"}"#, "NaN"),
        (r#"{pod="a \"b\" \\ c"}"#, "17"),
        ("{}", "1500"),
    ];
    assert_eq!(read, expected.map(|(series, value)| (series, value.to_owned())));
    assert!(series.iter().all(|series| series.points[0].0 == asked()));
    assert_eq!(series[0].labels["pod"], "web-1");
}

#[test]
fn a_scalar_is_a_series_without_labels() {
    let series =
        answer(200, r#"{"data":{"result":[1435781451.781,"2"],"resultType":"scalar"},"status":"success"}"#).unwrap();
    assert_eq!((&*series[0].text, number(&series[0])), ("{}", 2.0));
}

#[test]
fn a_native_histogram_is_read_with_its_buckets() {
    let series = vector(
        r#"{"metric":{"pod":"web-1"},"histogram":[1435781451.781,{"count":"7","sum":"9.5","buckets":[
            [3,"-0.001","0.001","2"],[0,"1","2","4"],[0,"4","8","1"]]}]},
           {"metric":{"pod":"web-2"},"histogram":[1435781451.781,{"count":"0","sum":"0"}]}"#,
    )
    .unwrap();
    let histogram = |series: &Series| match &series.points[0].1 {
        Value::Native(histogram) => histogram.clone().unwrap(),
        Value::Number(_) => panic!("{series:?}"),
    };
    let first = histogram(&series[0]);
    assert_eq!((first.count(), first.sum(), first.above(2.0)), (7.0, Some(9.5), Some(1.0)));
    assert_eq!(first.layout(), Layout::Exponential { schema: 0 });
    assert!(histogram(&series[1]).buckets().is_empty());
}

#[test]
fn a_range_has_the_values_of_each_tick_at_which_there_is_one() {
    let series = matrix(
        r#"{"metric":{"pod":"b"},"values":[[100,"1"],[120,"3"]]},
           {"metric":{"pod":"a"},"values":[[110,"2"]],"histograms":[[120,{"count":"1","sum":"1","buckets":[[0,"1","2","1"]]}]]}"#,
    )
    .unwrap();
    let seconds = |series: &Series| series.points.iter().map(|(time, _)| time.as_second()).collect::<Vec<_>>();
    assert_eq!((seconds(&series[0]), seconds(&series[1])), (vec![110, 120], vec![100, 120]));
    assert!(matches!(series[0].points[..], [(_, Value::Number(_)), (_, Value::Native(Ok(_)))]));
}

#[test]
fn each_answer_has_its_own_reason() {
    let success = |data: &str| format!(r#"{{"status":"success","data":{data}}}"#);
    let error = |kind: &str| format!(r#"{{"status":"error","errorType":"{kind}","error":"text"}}"#);
    let one = r#"{"resultType":"vector","result":[{"metric":{},"value":[1435781451.781,"1"]}]"#;
    let cases = [
        (200, success(&format!("{one}}}")), "Samples"),
        (200, success(&format!("{one},\"stats\":{{}}}}")), "Samples"),
        (200, success(&format!("{one}}},\"infos\":[\"PromQL info: might not be a counter\"]")), "Samples"),
        (200, success(&format!("{one}}},\"warnings\":null")), "Samples"),
        (200, success(&format!("{one}}},\"warnings\":[]")), "Samples"),
        (200, success(&format!("{one}}},\"isPartial\":false")), "Samples"),
        (200, success(r#"{"resultType":"vector","result":[]}"#), "NoSeries"),
        (200, success(&format!("{one}}},\"warnings\":[\"store is gone\"]")), "PartialAnswer"),
        (200, success(r#"{"resultType":"vector","result":[]},"warnings":["store is gone"]"#), "PartialAnswer"),
        (200, success(&format!("{one}}},\"isPartial\":true")), "PartialAnswer"),
        (200, success(r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]]}]}"#), "QueryResultUnusable"),
        (200, success(r#"{"resultType":"string","result":[1,"text"]}"#), "QueryResultUnusable"),
        (400, error("bad_data"), "QueryRefused"),
        (422, error("execution"), "QueryRefused"),
        (422, error("422"), "QueryRefused"),
        (200, error("bad_data"), "QueryRefused"),
        (200, error("unavailable"), "PrometheusDown"),
        (404, error("not_found"), "PrometheusDown"),
        (429, error("execution"), "PrometheusDown"),
        (499, error("canceled"), "PrometheusDown"),
        (500, error("internal"), "PrometheusDown"),
        (503, error("timeout"), "PrometheusDown"),
        (503, error("execution"), "PrometheusDown"),
        (503, success(&format!("{one}}}")), "PrometheusDown"),
        (400, "Bad Request".to_owned(), "PrometheusDown"),
        (401, String::new(), "PrometheusDenied"),
        (403, "<html>Login</html>".to_owned(), "PrometheusDenied"),
        (403, error("bad_data"), "PrometheusDenied"),
        (407, "proxy".to_owned(), "PrometheusDenied"),
        (504, "gateway".to_owned(), "PrometheusDown"),
        (413, "<html>Request Entity Too Large</html>".to_owned(), "QueryRefused"),
        (502, "<html>Bad Gateway</html>".to_owned(), "PrometheusDown"),
        (200, String::new(), "PrometheusDown"),
        (200, "<html>Welcome</html>".to_owned(), "PrometheusDown"),
        (200, "null".to_owned(), "PrometheusDown"),
        (200, r#"{"status":"success"}"#.to_owned(), "PrometheusDown"),
        (200, success("null"), "PrometheusDown"),
        (200, success(r#"{"resultType":"table","result":[]}"#), "PrometheusDown"),
        (200, success(r#"{"resultType":"vector","result":[{"metric":{}}]}"#), "PrometheusDown"),
        (200, success(r#"{"resultType":"vector","result":[{"metric":{},"value":[1]}]}"#), "PrometheusDown"),
        (
            200,
            success(r#"{"resultType":"vector","result":[{"metric":{},"value":[1435781451,"many"]}]}"#),
            "PrometheusDown",
        ),
    ];
    for (status, body, expected) in cases {
        let outcome = answer(status, &body);
        assert_eq!(reason(&outcome), expected, "{status} {body}\n{outcome:?}");
    }
}

/// What each of them sends when a part of its data can't be had, and when all of it can.
#[test]
fn a_partial_answer_of_every_kind_of_server_is_seen_as_one() {
    let data = r#""data":{"resultType":"matrix","result":[{"metric":{},"values":[[100,"1"]]}]}"#;
    let over = |body: String| read(StatusCode::OK, body.as_bytes(), Span::Over(window()));
    let thanos =
        r#""warnings":["No StoreAPIs matched for this query","receive series from Addr: 10.0.0.7:10901: rpc error"]"#;
    let mimir = r#""warnings":["the result is incomplete: 1 of 3 ingesters did not answer"],"infos":[]"#;
    let victoria = r#""isPartial":true"#;
    for partial in [thanos, mimir, victoria] {
        let outcome = over(format!(r#"{{"status":"success",{partial},{data}}}"#));
        assert_eq!(reason(&outcome), "PartialAnswer", "{partial}");
        assert!(outcome.unwrap_err().to_string().starts_with("Prometheus' answer may be incomplete: "));
        assert_eq!(reason(&over(format!(r#"{{"status":"success",{data},{partial}}}"#))), "PartialAnswer");
    }
    let whole = [
        String::new(),
        r#","infos":["PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"a\" (1:5)"]"#.to_owned(),
        r#","isPartial":false,"stats":{"seriesFetched":"1","executionTimeMsec":2}"#.to_owned(),
    ];
    for rest in whole {
        assert_eq!(reason(&over(format!(r#"{{"status":"success",{data}{rest}}}"#))), "Samples", "{rest}");
    }
}

#[test]
fn more_series_than_are_read_are_refused_with_what_to_do() {
    let many = |count: usize, kind: &str, value: &str| {
        let series: Vec<_> = (0..count).map(|pod| format!(r#"{{"metric":{{"pod":"{pod}"}},{value}}}"#)).collect();
        let result = series.join(",");
        format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":[{result}]}}}}"#)
    };
    let vector = |count| answer(200, &many(count, "vector", r#""value":[1435781451.781,"1"]"#));
    assert_eq!(vector(5_000).map(|series| series.len()), Ok(5_000));
    let sentence = "the query can't be used: it gives more than 5000 series, which is the most that is read; aggregate away the labels that are not needed, as by `sum by (pod) (…)`";
    assert_eq!(vector(5_001).unwrap_err().to_string(), sentence);
    let matrix = many(5_001, "matrix", r#""values":[[100,"1"]]"#);
    let matrix = read(StatusCode::OK, matrix.as_bytes(), Span::Over(window()));
    assert_eq!(matrix.unwrap_err().to_string(), sentence);
}

#[test]
fn a_query_that_was_not_finished_is_told_from_a_server_that_is_down() {
    let timeout = r#"{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}"#;
    assert!(matches!(answer(503, timeout), Err(Gap::Unfinished(_))));
    assert!(matches!(answer(504, "gateway"), Err(Gap::Unfinished(_))));
    assert!(matches!(answer(503, "no more"), Err(Gap::ProviderDown(_))));
}

#[test]
fn a_refusal_is_in_prometheus_own_words() {
    let body = r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error: unexpected \"}\""}"#;
    assert_eq!(answer(400, body), Err(Gap::Refused(r#"1:5: parse error: unexpected "}""#.into())));
}

#[test]
fn a_failing_server_is_named_by_its_status_and_plain_text() {
    let sentence = |outcome: Answer| outcome.unwrap_err().to_string();
    assert_eq!(
        sentence(answer(503, "upstream connect error\n")),
        "Prometheus gives no answer: it answered 503 Service Unavailable: upstream connect error"
    );
    assert_eq!(sentence(answer(502, "<html>")), "Prometheus gives no answer: it answered 502 Bad Gateway");
    assert!(sentence(answer(500, &"ä".repeat(10_000))).len() < 1200);
}
