//! Whole screens, one for each phase, as a person sees them.

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use super::{Columns, Style, View, list, render, summary};
use crate::{api::Rollout, model::Timestamp};

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn rollout(status: &Value) -> Rollout {
    serde_json::from_value(json!({
        "apiVersion": "siskin.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "shop", "creationTimestamp": "2026-02-20T08:00:00Z"},
        "spec": {
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "traffic": {"service": "web", "routes": [{"kind": "HTTPRoute", "name": "web"}]},
            "strategy": {"canary": {"steps": [{"weight": 5}, {"weight": 25}, {"weight": 50}]}},
        },
        "status": status,
    }))
    .unwrap()
}

fn deployment(name: &str, image: &str, ready: i32, desired: i32) -> Deployment {
    serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": desired,
            "selector": {},
            "template": {"spec": {"containers": [{"name": "app", "image": image}]}},
        },
        "status": {"readyReplicas": ready},
    }))
    .unwrap()
}

/// The status of a run in its second step, with this much changed.
fn in_a_run(phase: &str, change: &Value) -> Value {
    let mut status = json!({
        "strategy": "canary",
        "runs": 4,
        "phase": phase,
        "message": "Step 2 of 3: no sign of harm, and not enough evidence yet to pass",
        "verdict": "Undecided",
        "step": {"index": 1, "count": 3, "position": "2/3"},
        "weight": {"desired": 25, "applied": 25},
        "stableRevision": "6b7f8c9d4",
        "canaryRevision": "7d5c9f6b8",
        "evidence": [
            {
                "name": "http/errors", "kind": "errorRate", "verdict": "Undecided",
                "message": "21 of 5,000 requests failed on the canary and 60 of 15,000 on the stable version",
                "canary": {"requests": 5000.0, "errors": 21.0}, "stable": {"requests": 15000.0, "errors": 60.0},
                "estimate": 0.0002, "interval": [-0.0031, 0.0035],
                "harm": 0.41, "harmThreshold": 4.605, "safe": 2.1, "safeThreshold": 2.996,
            },
            {
                "name": "http/queue", "kind": "threshold", "verdict": "Safe", "message": "12.5 is below the limit of 100",
                "estimate": 12.5,
            },
        ],
        "run": {
            "startedAt": "2026-03-01T11:54:00Z", "since": "2026-03-01T11:58:48Z", "elapsedMs": 72000,
        },
        "outcomes": outcomes(),
    });
    json_patch::merge(&mut status, change);
    status
}

fn outcomes() -> Value {
    json!([
        {"outcome": "RolledBack", "reason": "Regression", "run": 3, "revision": "5f6d7c8b9", "at": "2026-03-01T09:00:00Z",
         "message": "http/errors: 20.1% of 412 requests failed on the canary, 0.3% on the stable version"},
        {"outcome": "Promoted", "reason": "Passed", "run": 2, "revision": "6b7f8c9d4", "at": "2026-02-26T15:30:00Z",
         "message": "All 3 steps passed"},
        {"outcome": "Superseded", "reason": "NewTemplate", "run": 1, "revision": "84b5c6d7f", "at": "2026-02-26T15:10:00Z",
         "message": "A newer template took its place"},
    ])
}

#[expect(clippy::needless_pass_by_value, reason = "tests write the status as a literal")]
fn view(status: Value) -> View {
    let workload = deployment("web", "registry.example/web:v1", 4, 4);
    let canary = deployment("web-canary", "registry.example/web:v2", 1, 1);
    let rollout = rollout(&status);
    let running = rollout.status.as_ref().is_some_and(|status| status.phase.running());
    View::new(&rollout, Some(&workload), running.then_some(&canary), now())
}

fn screen(status: Value) -> String {
    render(&view(status), 100, Style::Plain)
}

#[test]
fn pending() {
    insta::assert_snapshot!(screen(json!({
        "phase": "Pending",
        "message": "HTTPRoute shop/web does not exist; create it, or correct spec.traffic.routes",
        "conditions": [{
            "type": "Ready", "status": "False", "reason": "RouteNotFound", "lastTransitionTime": "2026-03-01T11:00:00Z",
            "message": "HTTPRoute shop/web does not exist; create it, or correct spec.traffic.routes",
        }],
    })));
}

#[test]
fn never_looked_at() {
    insta::assert_snapshot!(screen(Value::Null));
}

#[test]
fn idle() {
    insta::assert_snapshot!(screen(json!({
        "phase": "Idle", "message": "Waiting for a new pod template", "stableRevision": "6b7f8c9d4", "outcomes": outcomes(),
    })));
}

#[test]
fn preparing() {
    insta::assert_snapshot!(screen(in_a_run(
        "Preparing",
        &json!({
            "message": "Waiting for 1 of 1 pods of the canary to become ready",
            "step": {"index": 0, "count": 3, "position": "1/3"}, "weight": {"desired": 5, "applied": 0},
            "evidence": null, "verdict": null,
        })
    )));
}

#[test]
fn progressing() {
    insta::assert_snapshot!(screen(in_a_run("Progressing", &json!({}))));
}

#[test]
fn conditions_of_a_run_are_shown_each_with_its_mark() {
    let condition = |kind: &str, status: &str, message: &str| {
        json!({"type": kind, "status": status, "reason": "Because", "lastTransitionTime": "2026-03-01T11:55:00Z",
            "message": message})
    };
    let conditions = json!([
        condition("Ready", "True", "All that is needed was found"),
        condition("Progressing", "True", "Step 2 of 3"),
        condition("Healthy", "False", "A run is on its way"),
        condition("Detectable", "True", "At the usual traffic every step can find four times the errors within 6 min"),
        condition(
            "Routed",
            "False",
            "The canary got 11.2% of the last 4,000 requests, and the step asks for 25%: \
            another rule sends to its pods too"
        ),
        condition("Writable", "Unknown", ""),
    ]);
    let status = in_a_run("Progressing", &json!({"conditions": conditions, "evidence": null, "outcomes": null}));
    insta::assert_snapshot!(screen(status));
}

#[test]
fn at_rest_only_the_conditions_are_shown_that_somebody_should_look_at() {
    let condition = |kind: &str, status: &str| {
        json!({"type": kind, "status": status, "reason": "Because", "message": "for this reason",
            "lastTransitionTime": "2026-03-01T11:55:00Z"})
    };
    let conditions = [condition("Detectable", "True"), condition("Writable", "False"), condition("Healthy", "False")];
    let text = screen(json!({"phase": "Idle", "conditions": conditions}));
    assert!(text.contains("! Writable  for this reason") && !text.contains("Detectable"), "{text}");
    assert!(!text.contains("Healthy"), "{text}");
}

#[test]
fn progressing_without_evidence() {
    insta::assert_snapshot!(screen(in_a_run(
        "Progressing",
        &json!({
            "run": {"blind": {"since": "2026-03-01T11:59:20Z", "reason": "ProviderDown", "message": "Prometheus does not answer"}},
            "evidence": [{"name": "http/errors", "kind": "errorRate", "verdict": "NoData", "message": "Prometheus does not answer"}],
        })
    )));
}

#[test]
fn paused() {
    insta::assert_snapshot!(screen(in_a_run(
        "Paused",
        &json!({
            "message": "Paused at 25% by alice; `siskin resume` goes on",
            "run": {"pause": {"reason": "Person", "since": "2026-03-01T11:59:00Z"}},
            "lastVerb": {
                "request": {"verb": "pause", "id": "1-2-3", "by": "alice", "at": "2026-03-01T11:59:00Z"},
                "accepted": true, "message": "Paused at 25%",
            },
        })
    )));
}

#[test]
fn promoting() {
    insta::assert_snapshot!(screen(in_a_run(
        "Promoting",
        &json!({
            "message": "The workload's own rolling update is on its way",
            "weight": {"desired": 50, "applied": 50}, "step": {"index": 2, "count": 3, "position": "3/3"},
            "evidence": [{"safe": 3.4, "harm": 0.2, "name": "http/errors", "kind": "errorRate", "verdict": "Safe",
                "message": "No worse by the margin", "canary": {"requests": 20000.0, "errors": 80.0},
                "stable": {"requests": 20000.0, "errors": 82.0}, "estimate": -0.0001, "interval": [-0.002, 0.0018],
                "harmThreshold": 4.605, "safeThreshold": 2.996}],
        })
    )));
}

#[test]
fn finishing() {
    insta::assert_snapshot!(screen(in_a_run(
        "Finishing",
        &json!({
            "message": "The routes are as before, the canary goes", "weight": {"desired": 0, "applied": 0}, "evidence": null,
        })
    )));
}

#[test]
fn rolling_back() {
    insta::assert_snapshot!(screen(in_a_run(
        "RollingBack",
        &json!({
            "message": "http/errors: the canary fails more often",
            "weight": {"desired": 0, "applied": 0}, "verdict": "Regression",
            "evidence": [{"name": "http/errors", "kind": "errorRate", "verdict": "Regressed",
                "message": "84 of 412 requests failed on the canary and 4 of 1,260 on the stable version",
                "canary": {"requests": 412.0, "errors": 84.0}, "stable": {"requests": 1260.0, "errors": 4.0},
                "estimate": 0.2, "interval": [0.13, 0.28], "harm": 9.7, "harmThreshold": 4.605, "safe": -3.0, "safeThreshold": 2.996}],
        })
    )));
}

#[test]
fn rolled_back() {
    insta::assert_snapshot!(screen(json!({
        "phase": "RolledBack", "stableRevision": "6b7f8c9d4", "canaryRevision": "5f6d7c8b9", "outcomes": outcomes(),
        "message": "Held on the stable version; revert the change or push a new one, or `siskin retry`",
        "lastVerb": {
            "request": {"verb": "promoteFull", "id": "1-2-3", "by": "bob", "at": "2026-03-01T11:50:00Z"},
            "accepted": false, "message": "No run is on its way; `siskin retry rollout/web` runs the version once more",
        },
    })));
}

#[test]
fn a_narrow_terminal_gets_every_line_cut_to_its_width() {
    let text = render(&view(in_a_run("Progressing", &json!({}))), 48, Style::Plain);
    assert!(text.lines().all(|line| line.chars().count() <= 48));
    insta::assert_snapshot!(text);
}

#[test]
fn colour_changes_nothing_but_colour() {
    let view = view(in_a_run("Progressing", &json!({})));
    let colourful = render(&view, 100, Style::Colour);
    assert!(colourful.contains("\u{1b}[36m"));
    assert_eq!(anstream::adapter::strip_str(&colourful).to_string(), render(&view, 100, Style::Plain));
}

#[test]
fn many_rollouts_make_a_list() {
    let views = [
        view(in_a_run("Progressing", &json!({}))),
        view(json!({"phase": "Idle", "message": "Waiting for a new pod template", "stableRevision": "6b7f8c9d4"})),
    ];
    let plain = list(&views, Columns::default(), 100, Style::Plain);
    let wide = list(&views, Columns { namespace: true, wide: true }, 200, Style::Plain);
    insta::assert_snapshot!(format!("{plain}\n{wide}"));
}

#[test]
fn without_a_terminal_a_change_is_one_line() {
    let lines = [
        in_a_run("Progressing", &json!({"weight": {"applied": 5}})),
        json!({"phase": "Idle", "message": "Waiting for a new pod template"}),
        Value::Null,
    ]
    .map(|status| summary(&view(status)));
    insta::assert_snapshot!(lines.join("\n"), @r"
    shop/web Progressing, step 2/3, weight 5% (to 25%): Step 2 of 3: no sign of harm, and not enough evidence yet to pass
    shop/web Idle: Waiting for a new pod template
    shop/web Pending: No controller has looked at this Rollout yet
    ");
}
