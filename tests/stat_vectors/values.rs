//! Comparison of found with expected numbers, and reading of the files' fields.

use serde_json::Value;

/// Compares, counts, and collects what differs, so that one run shows all of it.
#[derive(Default)]
pub(crate) struct Values {
    pub(crate) place: String,
    compared: usize,
    different: Vec<String>,
}

impl Values {
    pub(crate) fn same(&mut self, expected: f64, found: f64) {
        self.compared += 1;
        // Equal infinities have no difference.
        let close = expected.to_bits() == found.to_bits()
            || if expected.abs() < 1e-12 {
                (found - expected).abs() <= 1e-12
            } else {
                (found - expected).abs() <= 1e-9 * expected.abs()
            };
        if !close {
            self.different.push(format!("{}: expected {expected}, found {found}", self.place));
        }
    }

    pub(crate) fn same_all(&mut self, expected: &[f64], found: &[f64]) {
        assert_eq!(expected.len(), found.len(), "{}", self.place);
        for (expected, found) in expected.iter().zip(found) {
            self.same(*expected, *found);
        }
    }

    pub(crate) fn same_option(&mut self, expected: &Value, found: Option<f64>) {
        match (expected, found) {
            (Value::Null, None) => self.compared += 1,
            (Value::Null, Some(found)) => self.different.push(format!("{}: expected none, found {found}", self.place)),
            (expected, None) => self.different.push(format!("{}: expected {expected}, found none", self.place)),
            (expected, Some(found)) => self.same(as_number(expected), found),
        }
    }

    pub(crate) fn report(&self, file: &str) {
        println!("{file}: {} values compared", self.compared);
        assert!(
            self.different.is_empty(),
            "{} of {} differ:\n{}",
            self.different.len(),
            self.compared,
            self.different.join("\n")
        );
    }
}

/// Runs the test on each case of a list; a list that is missing has none.
pub(crate) fn each(cases: &Value, values: &mut Values, mut test: impl FnMut(&Value, &mut Values)) {
    for case in cases.as_array().into_iter().flatten() {
        test(case, values);
    }
}

pub(crate) fn without_series(case: &Value) -> String {
    let fields = case.as_object().expect("a case").iter().filter(|(_, value)| !value.is_array());
    fields.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

pub(crate) fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_else(|| panic!("{case}: no text {field:?}"))
}

pub(crate) fn number(case: &Value, field: &str) -> f64 {
    as_number(case.get(field).unwrap_or_else(|| panic!("{case}: no number {field:?}")))
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap_or_else(|| panic!("{value}: no list")).iter().map(as_number).collect()
}

/// Infinities are texts in the file.
pub(crate) fn as_number(value: &Value) -> f64 {
    match value {
        Value::String(text) if text == "inf" => f64::INFINITY,
        Value::String(text) if text == "-inf" => f64::NEG_INFINITY,
        other => other.as_f64().unwrap_or_else(|| panic!("{other}: no number")),
    }
}
