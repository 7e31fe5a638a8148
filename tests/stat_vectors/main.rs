//! The judge's numbers against reference values that were computed with 50 digits by an independent program
//! (`tests/data/stat-vectors.json`, `tests/data/capped-vectors.json`). More files of either format are read from
//! `SISKIN_EXTRA_VECTORS`, separated by `:`.

mod classical;
mod counts;
mod series;
mod values;

use serde_json::Value;

use values::Values;

/// Each compares a part of a file, given its name and content, or says that the part isn't its own.
const PARTS: &[fn(&str, &Value, &mut Values) -> bool] = &[counts::part, classical::part, series::part];

#[test]
fn the_reference_values_are_met() {
    check(include_str!("../data/stat-vectors.json"), "tests/data/stat-vectors.json");
}

#[test]
fn the_reference_values_of_capped_counts_are_met() {
    check(include_str!("../data/capped-vectors.json"), "tests/data/capped-vectors.json");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
fn reference_values_from_elsewhere_are_met() {
    let paths = std::env::var("SISKIN_EXTRA_VECTORS").unwrap_or_default();
    for path in paths.split(':').filter(|path| !path.is_empty()) {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("SISKIN_EXTRA_VECTORS: {path}: {error}"));
        check(&text, path);
    }
}

fn check(text: &str, file: &str) {
    let vectors: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut values = Values::default();
    for (part, content) in vectors.as_object().unwrap_or_else(|| panic!("{file}: no object")) {
        values.place = format!("{file}: {part}");
        let known = part == "meta" || PARTS.iter().any(|compare| compare(part, content, &mut values));
        assert!(known, "{file}: nothing compares part {part:?}");
    }
    values.report(file);
}
