//! Files as people write them, and files that are none.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;

const CSV: &str = "\
time,canary_requests,canary_errors,stable_requests,stable_errors
2026-03-01T12:00:00Z,100,1,900,4
2026-03-01T12:01:00Z,110,0,890,5
";

fn problem(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn csv_and_json_of_the_same_counts_are_the_same() {
    let list = r#"[
        {"time": "2026-03-01T12:00:00Z", "canary_requests": 100, "canary_errors": 1, "stable_requests": 900, "stable_errors": 4},
        {"time": 1772366460, "canary_requests": "110", "canary_errors": 0, "stable_requests": 890.0, "stable_errors": 5}
    ]"#;
    let lines = list.trim_matches(|letter| "[]".contains(letter)).replace("},", "}");
    let table = read(CSV).unwrap();
    assert_eq!(read(list).unwrap(), table);
    assert_eq!(read(&lines).unwrap(), table);
    assert_eq!(read(&format!("\u{feff}{}", CSV.replace('\n', "\r\n"))).unwrap(), table, "as Excel writes it");
    assert_eq!((table.metrics, table.ticks.len()), (vec!["errors".to_owned()], 2));
}

#[test]
fn columns_may_come_in_any_order_and_others_are_passed_over() {
    let text = "note,stable_errors,metric,time,stable_requests,canary_errors,canary_requests\n\
                x,1,http,10,2,3,4\n\"a, \"\"b\"\"\",1,grpc,10,2,3,4\n";
    let table = read(text).unwrap();
    assert_eq!(table.metrics, ["http", "grpc"]);
    assert_eq!(table.ticks.len(), 1);
    assert!((table.ticks[0].1["grpc"].canary_requests - 4.0).abs() < 1e-12);
}

#[test]
fn a_row_that_can_not_be_used_is_named_by_its_line() {
    let with = |from: &str, to: &str| problem(&CSV.replacen(from, to, 1));
    insta::assert_snapshot!([
        with("110,0", "110,x"),
        with("110,0", "110,-1"),
        with("110,0", "1.5,0"),
        with("110,0", "110,NaN"),
        with("110,0", "110,1e300"),
        with("110,0", "110,111"),
        with("110,0,", "110,"),
        with("12:01:00Z", "12:01"),
        with("12:01:00Z", "11:01:00Z"),
        with("12:01:00Z", "12:00:00Z"),
        with("stable_errors", "errors"),
        problem(""),
        problem("time,canary_requests,canary_errors,stable_requests,stable_errors\n"),
        problem("[]"),
        problem("[1]"),
        problem("{\"time\": 1}"),
        problem("[{\"time\": 1},\n}"),
    ].join("\n"), @r"
    line 3: canary_errors `x` is not a count: it must be a whole number from 0
    line 3: canary_errors `-1` is not a count: it must be a whole number from 0
    line 3: canary_requests `1.5` is not a count: it must be a whole number from 0
    line 3: canary_errors `NaN` is not a count: it must be a whole number from 0
    line 3: canary_errors `1e300` is not a count: it must be a whole number from 0
    line 3: canary_errors 111 is more than canary_requests 110
    line 3: it has 4 values, and the heading has 5
    line 3: time `2026-03-01T12:01` is neither RFC 3339 (2026-03-01T12:00:00Z) nor seconds since 1970
    line 3: its time 2026-03-01T11:01:00Z is before 2026-03-01T12:00:00Z, the time of the row above; sort the rows
    line 3: metric errors has counts for 2026-03-01T12:00:00Z already
    line 1: the heading lacks stable_errors; it must have time, canary_requests, canary_errors, stable_requests, stable_errors, and may have metric
    the file is empty
    the file has no rows
    the file has no rows
    object 1: `1` is not an object
    object 1: canary_requests is missing
    line 2: expected value at line 2 column 1
    ");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*") {
        let _ = read(&text);
    }

    #[test]
    fn no_csv_makes_the_parser_panic(rows in proptest::collection::vec("[-0-9eE.,:TZ\"\n\\[{ a-z]{0,60}", 0..8)) {
        let _ = read(&format!("time,canary_requests,canary_errors,stable_requests,stable_errors\n{}", rows.join("\n")));
    }

    #[test]
    fn no_json_makes_the_parser_panic(time in "\\PC{0,20}", number in any::<f64>(), tail in "[\\]},:0-9 ]{0,9}") {
        let counts = "\"canary_errors\":0,\"stable_requests\":1,\"stable_errors\":0";
        let _ = read(&format!("[{{\"time\":{time:?},\"canary_requests\":{number},{counts}}}{tail}"));
    }

    #[test]
    fn counts_that_are_written_are_read_back(counts in proptest::collection::vec((1_u32..10_000, 0_u32..10_000), 1..30)) {
        let mut text = "time,canary_requests,canary_errors,stable_requests,stable_errors\n".to_owned();
        for (index, (requests, errors)) in counts.iter().enumerate() {
            writeln!(text, "{},{requests},{},{requests},0", 1_000 + index * 15, errors % (requests + 1)).unwrap();
        }
        let table = read(&text).unwrap();
        prop_assert_eq!(table.ticks.len(), counts.len());
        let total: f64 = table.ticks.iter().map(|(_, counts)| counts["errors"].canary_requests).sum();
        prop_assert!((total - counts.iter().map(|(requests, _)| f64::from(*requests)).sum::<f64>()).abs() < 1e-6);
    }
}
