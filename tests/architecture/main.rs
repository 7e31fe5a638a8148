//! Holds the walls of the house: the order of its layers, what pure code may not touch, and the shape of its files.
//!
//! Compilers do not check any of this. Each failure names the file, the line and what to do; each check is shown to fail.

mod layers;
mod paths;
mod purity;
mod shape;
mod source;

use source::SourceFile;

/// One broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    /// The file, from the root of the checkout.
    file: String,
    /// The line, from 1.
    line: usize,
    /// What is wrong, and what to do.
    text: String,
}

/// Fails with every violation in a line of its own, in the form that editors jump to.
fn expect_none(violations: &[Violation]) {
    let lines: Vec<String> =
        violations.iter().map(|found| format!("{}:{}: {}", found.file, found.line, found.text)).collect();
    assert!(lines.is_empty(), "{} broken rules\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn each_layer_imports_only_those_before_it() {
    expect_none(&layers::violations(&SourceFile::all_under("src")));
}

#[test]
fn pure_layers_touch_no_client_no_clock_no_file_and_no_network() {
    expect_none(&purity::violations(&SourceFile::all_under("src")));
}

#[test]
fn every_file_says_what_it_is_for_and_is_short() {
    let files = [SourceFile::all_under("src"), SourceFile::all_under("tests")].concat();
    expect_none(&shape::violations(&files));
}
