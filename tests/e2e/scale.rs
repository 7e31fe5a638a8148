//! What many Rollouts cost the API server, counted by its own audit log.

use std::{collections::BTreeMap, fs, time::Duration};

use siskin_bed::{AuditEvent, Bed, Namespace};

use crate::harness::{Controller, alone, elapse};

const ROLLOUTS: usize = 300;
const CHANGED: usize = 100;
/// What the better of the peers needs (21 to 26, measured on the same kind of bed).
const REQUESTS_A_ROLLOUT: usize = 20;

fn shop(number: usize, version: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web{number}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: web{number}}}}}
  template:
    metadata: {{labels: {{app: web{number}}}}}
    spec: {{terminationGracePeriodSeconds: 1, containers: [{{name: app, image: 'siskin.test/pause:{version}'}}]}}
"
    )
}

fn surroundings(number: usize) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata: {{name: web{number}}}
spec: {{selector: {{app: web{number}}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web{number}}}
spec: {{hosts: [web{number}.scale.bed.test], gateways: [gateway/shared], http: [{{route: [{{destination: {{host: web{number}}}}}]}}]}}
---
apiVersion: siskin.dev/v1alpha1
kind: Rollout
metadata: {{name: web{number}}}
spec:
  workloadRef: {{apiVersion: apps/v1, kind: Deployment, name: web{number}}}
  traffic: {{service: web{number}, routes: [{{kind: VirtualService, name: web{number}}}]}}
  strategy: {{canary: {{steps: [{{weight: 50, hold: {{min: 10s}}}}]}}}}
"
    )
}

async fn apply(namespace: &Namespace, documents: impl Iterator<Item = String>) {
    let all: Vec<String> = documents.collect();
    let bed = namespace.bed();
    bed.kubectl_with_input(&["apply", "--server-side", "-n", namespace.name(), "-f", "-"], &all.join("---\n")).await;
}

fn ours(bed: &Bed, mark: siskin_bed::AuditMark, namespace: &Namespace) -> Vec<AuditEvent> {
    let events = bed.audit_since(mark).into_iter();
    events
        .filter(|event| event.user.contains("siskin") && !event.is_lease() && event.namespace == namespace.name())
        .collect()
}

async fn in_phase(namespace: &Namespace, phase: &str, runs: u64, limit: usize) {
    // One watch for all of them would need one more client; the list is asked once a second, by the administrator.
    for _ in 0..300 {
        let list = namespace
            .kubectl(&["get", "rollouts", "-o", "jsonpath={range .items[*]}{.status.phase} {.status.runs}{'\\n'}{end}"])
            .await;
        let wanted = |line: &&str| {
            let mut words = line.split_whitespace();
            words.next() == Some(phase) && words.next().map_or(0, |runs| runs.parse().unwrap_or(0)) >= runs
        };
        if list.lines().filter(wanted).count() >= limit {
            return;
        }
        elapse(Duration::from_secs(1)).await;
    }
    panic!("not {limit} Rollouts came to {phase} with {runs} runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_idle_rollouts_cost_nothing_and_a_hundred_changed_ones_little() {
    let _turn = alone().await;
    let bed = Bed::shared().await;
    Controller::install(bed).await;
    let namespace = bed.namespace_called("scale").await;
    let controller = Controller::start(bed, namespace.name(), "one").await;
    apply(&namespace, (0..ROLLOUTS).map(|number| shop(number, "v1"))).await;
    apply(&namespace, (0..ROLLOUTS).map(surroundings)).await;
    in_phase(&namespace, "Idle", 0, ROLLOUTS).await;

    let mark = bed.audit_mark();
    elapse(Duration::from_mins(1)).await;
    let idle: Vec<String> = ours(bed, mark, &namespace)
        .into_iter()
        .filter(|event| event.verb != "watch" && event.verb != "list")
        .map(|event| format!("{} {}/{}", event.verb, event.resource, event.name))
        .collect();
    println!("{ROLLOUTS} idle Rollouts, 60 s: {} requests; {} of memory", idle.len(), resident(controller.pid()));
    assert_eq!(idle, Vec::<String>::new());

    let mark = bed.audit_mark();
    apply(&namespace, (0..CHANGED).map(|number| shop(number, "v2"))).await;
    in_phase(&namespace, "Idle", 1, CHANGED).await;
    let events = ours(bed, mark, &namespace);
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for event in events.iter().filter(|event| event.verb != "watch") {
        *kinds.entry(format!("{} {} {}", event.verb, event.resource, event.subresource)).or_default() += 1;
    }
    let requests: usize = kinds.values().sum();
    println!(
        "{CHANGED} changed at once: {requests} requests, {:.1} a Rollout; {} of memory",
        requests as f64 / CHANGED as f64,
        resident(controller.pid())
    );
    for (kind, count) in &kinds {
        println!("  {count:5}  {kind}");
    }
    assert!(requests <= REQUESTS_A_ROLLOUT * CHANGED, "{kinds:?}");
    let refused = events.iter().filter(|event| event.code >= 400).count();
    println!("{refused} requests were refused because the object had changed meanwhile");
}

/// The resident memory of a process of the bed. `/proc` is the machine's, so its number there has to be found first.
fn resident(pid: u32) -> String {
    let processes = fs::read_dir("/proc").expect("Linux has /proc").flatten();
    let statuses = processes.filter_map(|process| fs::read_to_string(process.path().join("status")).ok());
    let field = |status: &str, name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.trim_start_matches(name).trim_start_matches(':').trim().to_owned()
    };
    let ours = |status: &String| {
        field(status, "Name") == "siskin" && field(status, "NSpid").split_whitespace().last() == Some(&pid.to_string())
    };
    statuses.filter(ours).map(|status| field(&status, "VmRSS")).next().expect("the controller runs")
}
