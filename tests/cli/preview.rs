//! `siskin preview`, which needs no cluster.

use std::{
    io::Write,
    process::{Output, Stdio},
};

use super::{Said, siskin};

fn preview(arguments: &str) -> Output {
    siskin(["preview"].into_iter().chain(arguments.split_whitespace())).output().unwrap()
}

fn said(arguments: &str) -> String {
    Said(preview(arguments)).to_string()
}

#[test]
fn help_shows_how_it_is_used() {
    insta::assert_snapshot!(said("--help"));
}

#[test]
fn a_route_is_shown_as_it_would_be_with_its_patch() {
    insta::assert_snapshot!(said("-f rollout.yaml -f route.yaml --weight 25"));
}

#[test]
fn a_diff_shows_what_changes() {
    insta::assert_snapshot!(said("-f rollout.yaml -f route.yaml -f service.yaml --weight 25 -o diff"));
}

#[test]
fn subsets_are_added_to_the_destination_rule() {
    insta::assert_snapshot!(said("-f whole/all.yaml -n shop --weight 10"));
}

#[test]
fn json_is_a_list_of_the_objects_alone() {
    let output = preview("-f rollout.yaml -f route.yaml -f service.yaml --weight 100 -o json");
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&list["apiVersion"], &list["kind"]), (&"v1".into(), &"List".into()));
    let kinds: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["HTTPRoute", "Service", "Service"]);
    let backends = &list["items"][0]["spec"]["rules"][1]["backendRefs"];
    let weights = [&backends[0], &backends[1]].map(|backend| (backend["name"].as_str(), backend["weight"].as_i64()));
    assert_eq!(weights, [(Some("web"), Some(0)), (Some("web-canary"), Some(100))]);
    assert!(output.status.success());
}

#[test]
fn without_weight_a_route_stays_as_it_is() {
    insta::assert_snapshot!(said("-f rollout.yaml -f route.yaml --weight 0 -o diff"));
}

#[test]
fn a_directory_and_stdin_are_read_too() {
    let mut child = siskin(["preview", "-f", "-", "--weight", "25", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let manifests = [include_str!("manifests/rollout.yaml"), include_str!("manifests/route.yaml")].join("---\n");
    child.stdin.take().unwrap().write_all(manifests.as_bytes()).unwrap();
    let from_stdin = child.wait_with_output().unwrap();
    let from_directory = preview("-f whole --weight 25 -o json");
    assert!(from_stdin.status.success());
    assert!(from_directory.status.success());
    assert_eq!(from_stdin.stdout, preview("-f rollout.yaml -f route.yaml --weight 25 -o json").stdout);
    assert_eq!(from_directory.stdout, preview("-f whole/all.yaml --weight 25 -o json").stdout);
}

#[test]
fn a_route_that_can_not_be_used_ends_with_a_sentence_and_no_data() {
    insta::assert_snapshot!(said("-f coarse.yaml --weight 5"));
}

#[test]
fn what_is_missing_is_asked_for() {
    insta::assert_snapshot!(
        [said("-f rollout.yaml --weight 5"), said("-f route.yaml --weight 5"), said("-f nowhere.yaml --weight 5"),]
            .join("\n")
    );
}

#[test]
fn a_weight_above_100_is_an_error_of_usage() {
    assert_eq!(preview("-f rollout.yaml -f route.yaml --weight 101").status.code(), Some(2));
}
