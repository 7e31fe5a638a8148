//! Any status and any body come to an outcome, and to the right one.

use proptest::prelude::*;
use reqwest::StatusCode;

use super::super::{Gap, QueryOutcome, answer::read};

fn answer(status: u16, body: &str) -> QueryOutcome {
    read(StatusCode::from_u16(status).unwrap(), body.as_bytes(), "up")
}

fn vector(result: &str) -> QueryOutcome {
    answer(200, &format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{result}]}}}}"#))
}

fn reason(outcome: &QueryOutcome) -> &'static str {
    outcome.as_ref().map_or_else(Gap::reason, |_| "Samples")
}

#[test]
fn samples_are_sorted_by_their_labels_and_keep_values_that_are_no_numbers() {
    let samples = vector(
        r#"{"metric":{"pod":"web-2","instance":"10.0.0.2:80"},"value":[1435781451.781,"NaN"]},
           {"metric":{"pod":"web-1","instance":"10.0.0.1:80"},"value":["1435781451.781","+Inf"]},
           {"metric":{"pod":"a \"b\" \\ c"},"value":[1435781451.781,17]},
           {"metric":{},"value":[1435781451.781,"1.5e3"]}"#,
    )
    .unwrap();
    let read: Vec<_> = samples.iter().map(|sample| (&*sample.series, sample.value.to_string())).collect();
    let expected = [
        (r#"{instance="10.0.0.1:80",pod="web-1"}"#, "inf"),
        (r#"{instance="10.0.0.2:80",pod="web-2"}"#, "NaN"),
        (r#"{pod="a \"b\" \\ c"}"#, "17"),
        ("{}", "1500"),
    ];
    assert_eq!(read, expected.map(|(series, value)| (series, value.to_owned())));
    assert!(samples.iter().all(|sample| sample.at.to_string() == "2015-07-01T20:10:51.781Z"));
}

#[test]
fn a_scalar_is_a_sample_without_labels() {
    let samples = answer(200, r#"{"data":{"result":[1,"2"],"resultType":"scalar"},"status":"success"}"#).unwrap();
    assert_eq!((&*samples[0].series, samples[0].value), ("{}", 2.0));
}

#[test]
fn each_answer_has_its_own_reason() {
    let success = |data: &str| format!(r#"{{"status":"success","data":{data}}}"#);
    let error = |kind: &str| format!(r#"{{"status":"error","errorType":"{kind}","error":"text"}}"#);
    let one = r#"{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}]"#;
    let cases = [
        (200, success(&format!("{one}}}")), "Samples"),
        (200, success(&format!("{one},\"stats\":{{}}}}")), "Samples"),
        (200, success(&format!("{one}}},\"infos\":[\"PromQL info: might not be a counter\"]")), "Samples"),
        (200, success(&format!("{one}}},\"warnings\":null")), "Samples"),
        (200, success(r#"{"resultType":"vector","result":[]}"#), "NoSeries"),
        (200, success(&format!("{one}}},\"warnings\":[\"store is gone\"]")), "PartialAnswer"),
        (200, success(r#"{"resultType":"vector","result":[]},"warnings":["store is gone"]"#), "PartialAnswer"),
        (200, success(&format!("{one}}},\"isPartial\":true")), "PartialAnswer"),
        (200, success(r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]]}]}"#), "QueryResultUnusable"),
        (200, success(r#"{"resultType":"string","result":[1,"text"]}"#), "QueryResultUnusable"),
        (
            200,
            success(r#"{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"3","sum":"1"}]}]}"#),
            "QueryResultUnusable",
        ),
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
        (401, String::new(), "PrometheusDown"),
        (502, "<html>Bad Gateway</html>".to_owned(), "PrometheusDown"),
        (200, String::new(), "PrometheusDown"),
        (200, "<html>Welcome</html>".to_owned(), "PrometheusDown"),
        (200, "null".to_owned(), "PrometheusDown"),
        (200, r#"{"status":"success"}"#.to_owned(), "PrometheusDown"),
        (200, success("null"), "PrometheusDown"),
        (200, success(r#"{"resultType":"table","result":[]}"#), "PrometheusDown"),
        (200, success(r#"{"resultType":"vector","result":[{"metric":{}}]}"#), "PrometheusDown"),
        (200, success(r#"{"resultType":"vector","result":[{"metric":{},"value":[1]}]}"#), "PrometheusDown"),
        (200, success(r#"{"resultType":"vector","result":[{"metric":{},"value":[1,"many"]}]}"#), "PrometheusDown"),
        (200, success(r#"{"resultType":"vector","result":[{"metric":{},"value":[1e300,"1"]}]}"#), "PrometheusDown"),
        (200, success(r#"{"resultType":"vector","result":[{"metric":{},"value":["NaN","1"]}]}"#), "PrometheusDown"),
        (
            200,
            success(
                r#"{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]},{"metric":{},"value":[1,"2"]}]}"#,
            ),
            "PrometheusDown",
        ),
    ];
    for (status, body, expected) in cases {
        let outcome = answer(status, &body);
        assert_eq!(reason(&outcome), expected, "{status} {body}\n{outcome:?}");
    }
}

#[test]
fn a_refusal_is_in_prometheus_own_words() {
    let body = r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error: unexpected \"}\""}"#;
    assert_eq!(answer(400, body), Err(Gap::Refused(r#"1:5: parse error: unexpected "}""#.into())));
}

#[test]
fn a_failing_server_is_named_by_its_status_and_plain_text() {
    let sentence = |outcome: QueryOutcome| outcome.unwrap_err().to_string();
    assert_eq!(
        sentence(answer(503, "upstream connect error\n")),
        "Prometheus gives no answer: it answered 503 Service Unavailable: upstream connect error"
    );
    assert_eq!(sentence(answer(502, "<html>")), "Prometheus gives no answer: it answered 502 Bad Gateway");
    assert!(sentence(answer(500, &"ä".repeat(10_000))).len() < 1200);
}

/// JSON of any shape, with the names that mean something in an answer.
fn json() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("status"),
        Just("data"),
        Just("resultType"),
        Just("result"),
        Just("metric"),
        Just("value"),
        Just("histogram"),
        Just("warnings"),
        Just("error"),
        Just("errorType"),
        Just("isPartial"),
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just(r#""success""#.to_owned()),
        Just(r#""vector""#.to_owned()),
        Just(r#""scalar""#.to_owned()),
        Just("-1e308".to_owned()),
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

proptest! {
    #[test]
    fn any_bytes_come_to_an_outcome(status in 100_u16..1000, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(StatusCode::from_u16(status).unwrap(), &body, "up");
    }

    #[test]
    fn any_json_comes_to_an_outcome(body in json(), result in json()) {
        let _ = answer(200, &body);
        let _ = answer(200, &format!(r#"{{"status":"success","data":{body}}}"#));
        let _ = vector(&result);
        let _ = vector(&format!(r#"{{"metric":{{"a":"b"}},"value":{result}}}"#));
    }
}
