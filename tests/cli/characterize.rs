//! `siskin characterize`: the tables that it writes, and how it goes on.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use super::{Said, siskin};

fn characterize(directory: &Path, more: &str) -> Output {
    let directory = directory.to_str().unwrap();
    let arguments = ["characterize", "--directory", directory, "--threads", "1"].into_iter().chain(more.split(' '));
    siskin(arguments).output().unwrap()
}

fn directory(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()))
}

#[test]
fn a_table_is_written_with_its_command_and_rows_that_are_finished_are_not_run_again() {
    let directory = directory("tables");
    let first = characterize(&directory, "--rows t5 --runs 20 --seed 3");
    assert!(first.status.success(), "{}", Said(first));
    let said = String::from_utf8(first.stderr).unwrap();
    assert!(said.contains("T5 row 1 of 5: 10 % planned and true, 100 a second: "), "each row is told: {said}");
    let page = fs::read_to_string(directory.join("t5.md")).unwrap();
    assert!(page.contains("Made by `siskin characterize --rows T5 --runs 20 --seed 3`"), "{page}");
    assert!(fs::read_to_string(directory.join("t5.csv")).unwrap().lines().count() > 20);

    let second = characterize(&directory, "--rows T5 --runs 20 --seed 3");
    assert_eq!(String::from_utf8(second.stderr).unwrap(), "", "nothing is left to run");
    assert_eq!(fs::read_to_string(directory.join("t5.md")).unwrap(), page);
    let other = characterize(&directory, "--rows T5 --runs 20 --seed 4");
    assert_eq!(String::from_utf8(other.stderr).unwrap().lines().count(), 5, "another seed is another table");
}

#[test]
fn a_table_that_there_is_not_is_refused_with_the_names_of_those_that_there_are() {
    let output = characterize(&directory("none"), "--rows T99");
    assert_eq!(output.status.code(), Some(2), "{}", Said(output));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("there is no table T99") && said.contains("T1, T2, T3"), "{said}");
}
