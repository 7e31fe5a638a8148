//! `get` and the verbs, against an API server on loopback.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use super::{
    Said,
    api_server::{ApiServer, Controller},
    siskin,
};

/// Runs the program beside the server, which lives on this test's runtime.
async fn said(server: &ApiServer, arguments: &'static str) -> String {
    let mut command = siskin(arguments.split_whitespace());
    command.env("KUBECONFIG", server.kubeconfig());
    tokio::task::spawn_blocking(move || Said(command.output().unwrap()).to_string()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_that_is_accepted_says_what_was_done() {
    let server = ApiServer::with(Controller::Accepts).await;
    insta::assert_snapshot!(said(&server, "abort rollout/web -n shop").await);
    let request = server.request();
    assert_eq!((request["verb"].as_str(), request["by"].as_str()), (Some("abort"), Some("alice")));
    assert!(request["id"].as_str().is_some_and(|id| id.contains("-7-")), "{request}");
}

#[tokio::test(flavor = "multi_thread")]
async fn promote_full_is_a_verb_of_its_own() {
    let server = ApiServer::with(Controller::Accepts).await;
    said(&server, "promote web --full -n shop").await;
    assert_eq!(server.request()["verb"], "promoteFull");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_names_the_revision_that_is_meant() {
    let server = ApiServer::with(Controller::Accepts).await;
    said(&server, "promote web --full -n shop --revision 7d5c9f6b8").await;
    assert_eq!(server.request()["revision"], "7d5c9f6b8");
    said(&server, "promote web --full -n shop").await;
    assert_eq!(server.request()["revision"], "", "the Rollout has no canary");
    said(&server, "promote web --full -n shop --any-revision").await;
    assert!(server.request().get("revision").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_never_have_the_same_id() {
    let server = ApiServer::with(Controller::Accepts).await;
    said(&server, "pause web -n shop").await;
    let first = server.request();
    said(&server, "pause web -n shop").await;
    assert_ne!(first["id"], server.request()["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_that_is_refused_says_why() {
    let server = ApiServer::with(Controller::Refuses).await;
    insta::assert_snapshot!(said(&server, "resume ro/web -n shop").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_that_nobody_answers_says_so() {
    let server = ApiServer::with(Controller::IsAway).await;
    insta::assert_snapshot!(said(&server, "skip web -n shop --timeout 300ms").await);
    insta::assert_snapshot!(said(&server, "skip web -n shop --no-wait").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_does_not_exist_is_named() {
    let server = ApiServer::with(Controller::Accepts).await;
    insta::assert_snapshot!(said(&server, "pause rollout/other -n shop").await);
    insta::assert_snapshot!(said(&server, "pause rollout -n shop").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn get_shows_one_rollout_and_all_of_them() {
    let server = ApiServer::with(Controller::Accepts).await;
    insta::assert_snapshot!(said(&server, "get rollout web -n shop").await);
    insta::assert_snapshot!(said(&server, "get rollouts -n shop -o wide").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn get_gives_the_object_with_fields_that_it_does_not_know() {
    let server = ApiServer::with(Controller::Accepts).await;
    for form in ["get ro/web -n shop -o json", "get ro/web -n shop -o yaml"] {
        let text = said(&server, form).await;
        assert!(text.contains("ofTheFuture"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_without_a_terminal_prints_lines() {
    let server = ApiServer::with(Controller::Accepts).await;
    let mut command = siskin(["get", "rollout", "web", "-n", "shop", "--watch"]);
    command.env("KUBECONFIG", server.kubeconfig()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = tokio::task::spawn_blocking(move || lines.next().unwrap().unwrap()).await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.ends_with("Z shop/web Idle: Waiting for a new pod template"), "{line}");
}
