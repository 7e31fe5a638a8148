//! Bad input gets a clear sentence and changes nothing.

use serde_json::Value;
use siskin_bed::Bed;

use crate::harness::{ANALYSIS, Controller, Mesh, STEPS, deployment, rollout, route, service, template, together};

/// A Rollout with one thing wrong, and words of the sentence that the API server must answer.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    ("no steps and no schedule", "{}", ANALYSIS, "exactly one of steps and schedule"),
    (
        "steps beside a schedule",
        "{steps: [{weight: 5}], schedule: {linear: {by: 5, upTo: 50}}}",
        ANALYSIS,
        "exactly one of steps and schedule",
    ),
    (
        "two schedules",
        "{schedule: {linear: {by: 5, upTo: 50}, exponential: {from: 1, factor: 2, upTo: 50}}}",
        ANALYSIS,
        "exactly one of linear and exponential",
    ),
    ("a schedule that starts above its end", "{schedule: {linear: {by: 60, upTo: 50}}}", ANALYSIS, "must not be above"),
    (
        "an exponential schedule that starts above its end",
        "{schedule: {exponential: {from: 60, factor: 2, upTo: 50}}}",
        ANALYSIS,
        "must not be above",
    ),
    ("weights that fall", "{steps: [{weight: 50}, {weight: 10}]}", ANALYSIS, "must ascend"),
    ("the same weight twice", "{steps: [{weight: 50}, {weight: 50}]}", ANALYSIS, "must ascend"),
    ("a weight of nothing", "{steps: [{weight: 0}]}", ANALYSIS, "greater than or equal to 1"),
    ("more than everything", "{steps: [{weight: 101}]}", ANALYSIS, "less than or equal to 100"),
    (
        "a least time above the longest",
        "{steps: [{weight: 5, hold: {min: 10m, max: 1m}}]}",
        ANALYSIS,
        "must not be longer than",
    ),
    ("no duration", "{steps: [{weight: 5, hold: {min: soon}}]}", ANALYSIS, "should match"),
    ("a duration of nothing", "{steps: [{weight: 5, hold: {min: 999ms}}]}", ANALYSIS, "at least 1s"),
    ("a duration without end", "{steps: [{weight: 5, hold: {min: 10000h}}]}", ANALYSIS, "at most 744h"),
    ("alpha of a half", "{steps: [{weight: 5}]}", "{templates: [{name: http}], falseRollback: 0.5}", "below 0.5"),
    ("alpha of nothing", "{steps: [{weight: 5}]}", "{templates: [{name: http}], falseRollback: 0}", "above 0"),
    ("beta of a half", "{steps: [{weight: 5}]}", "{templates: [{name: http}], missedRegression: 0.5}", "below 0.5"),
    ("no templates", "{steps: [{weight: 5}]}", "{templates: []}", "at least 1"),
    (
        "an unknown reaction",
        "{steps: [{weight: 5}]}",
        "{templates: [{name: http}], onTimeout: Hope}",
        "supported values",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_server_refuses_nonsense_with_a_sentence() {
    let _turn = together().await;
    let bed = Bed::shared().await;
    Controller::install(bed).await;
    let namespace = bed.namespace_called("nonsense").await;
    for (what, canary, analysis, words) in REFUSED {
        let manifest = rollout(Mesh::HttpRoute, "[]", analysis, "")
            .replace("{canary: {steps: []}}", &format!("{{canary: {canary}}}"));
        refused(bed, namespace.name(), what, &manifest, words).await;
    }
    let good = rollout(Mesh::HttpRoute, STEPS, ANALYSIS, "");
    let changed = [
        ("no strategy", good.replace(&format!("{{canary: {{steps: {STEPS}}}}}"), "{}"), "exactly one of"),
        ("another kind of workload", good.replace("kind: Deployment", "kind: CronJob"), "must name a Deployment"),
        (
            "the same route twice",
            good.replace(
                "routes: [{kind: HTTPRoute, name: web}]",
                "routes: [{kind: HTTPRoute, name: web}, {kind: HTTPRoute, name: web}]",
            ),
            "the same route twice",
        ),
        ("no route", good.replace("routes: [{kind: HTTPRoute, name: web}]", "routes: []"), "at least 1"),
    ];
    for (what, manifest, words) in &changed {
        refused(bed, namespace.name(), what, manifest, words).await;
    }
    let metrics = [
        ("a metric of no kind", "[{name: a}]", "exactly one of errorRate, latency, gauge, rate and threshold"),
        (
            "a metric of two kinds",
            "[{name: a, errorRate: {requests: a, errors: b}, threshold: {query: a, max: 1}}]",
            "exactly one of errorRate, latency, gauge, rate and threshold",
        ),
        ("a threshold without a limit", "[{name: a, threshold: {query: a}}]", "must have min, max or both"),
        ("limits that exclude each other", "[{name: a, threshold: {query: a, min: 2, max: 1}}]", "must not be above"),
        (
            "the same metric twice",
            "[{name: a, threshold: {query: a, max: 1}}, {name: a, threshold: {query: a, max: 1}}]",
            "the same name twice",
        ),
        ("a weight of nothing", "[{name: a, weight: 0, threshold: {query: a, max: 1}}]", "above 0"),
        (
            "a margin below the stable rate",
            "[{name: a, errorRate: {requests: a, errors: b}, margin: {exclude: {relative: 0.5, absolute: 0}}}]",
            "at least 1 where higher is worse",
        ),
        (
            "a margin above the stable rate where lower is worse",
            "[{name: a, rate: {requests: a, events: b, worse: Lower}, margin: {ignore: {relative: 1.1, absolute: 0}}}]",
            "at most 1 where lower is worse",
        ),
        (
            "margins that exclude each other",
            "[{name: a, latency: {histogram: a}, margin: {ignore: {relative: 2, absolute: 0}, exclude: {relative: 1.5, absolute: 0}}}]",
            "must not reach beyond margin.exclude",
        ),
        (
            "a margin of more than every request",
            "[{name: a, errorRate: {requests: a, errors: b}, margin: {exclude: {relative: 2, absolute: 5}}}]",
            "shares of the requests",
        ),
        ("a threshold with a margin", "[{name: a, threshold: {query: a, max: 1}, margin: {}}]", "compares nothing"),
        ("a gauge with a limit", "[{name: a, gauge: {query: a}, limit: {max: 1}}]", "for a gauge take a threshold"),
        ("a gauge in strata", "[{name: a, gauge: {query: a}, by: [zone]}]", "takes no by"),
        (
            "a limit of more than every request",
            "[{name: a, errorRate: {requests: a, errors: b}, limit: {max: 5}}]",
            "from 0 to 1",
        ),
        ("a rate without a direction", "[{name: a, rate: {requests: a, events: b}}]", "worse"),
    ];
    for (what, list, words) in metrics {
        let manifest = format!(
            "apiVersion: siskin.dev/v1alpha1\nkind: AnalysisTemplate\nmetadata: {{name: http}}\nspec: {{metrics: {list}}}\n"
        );
        refused(bed, namespace.name(), what, &manifest, words).await;
    }
    let analysis_runs = [
        (
            "a version that is compared with itself",
            "arms: {canary: {revision: one}, stable: {revision: one}}",
            "must differ",
        ),
        (
            "an analysis that may not last as long as it must",
            "minDuration: 10m, maxDuration: 5m, arms: {canary: {revision: one}, stable: {revision: two}}",
            "minDuration must not be longer",
        ),
    ];
    for (what, spec, words) in analysis_runs {
        let manifest = format!(
            "apiVersion: siskin.dev/v1alpha1\nkind: AnalysisRun\nmetadata: {{name: run}}\nspec: {{templates: [{{name: http}}], {spec}}}\n"
        );
        refused(bed, namespace.name(), what, &manifest, words).await;
    }
    let output = bed.try_kubectl(&["apply", "-n", namespace.name(), "-f", "-"], Some(&good)).await;
    assert!(output.success, "a good one is taken: {}", output.stderr);
    refused(
        bed,
        namespace.name(),
        "another workload",
        &good.replace("name: web}\n  traffic", "name: other}\n  traffic"),
        "can't be changed",
    )
    .await;
}

async fn refused(bed: &'static Bed, namespace: &str, what: &str, manifest: &str, words: &str) {
    let output = bed.try_kubectl(&["apply", "-n", namespace, "-f", "-"], Some(manifest)).await;
    assert!(!output.success, "{what} was taken:\n{manifest}");
    assert!(output.stderr.to_lowercase().contains(&words.to_lowercase()), "{what}: {}", output.stderr);
}

/// What is wrong, the reason it must get, and words of the sentence.
struct Lack {
    reason: &'static str,
    words: &'static str,
    deployment: bool,
    service: bool,
    route: bool,
    template: Option<String>,
    change: fn(String) -> String,
}

impl Lack {
    fn of(reason: &'static str, words: &'static str) -> Self {
        Self {
            reason,
            words,
            deployment: true,
            service: true,
            route: true,
            template: Some(template().to_owned()),
            change: |rollout| rollout,
        }
    }
}

fn lacks() -> Vec<Lack> {
    let broken = |from: &str, to: &str| Some(template().replace(from, to));
    vec![
        Lack { deployment: false, ..Lack::of("WorkloadNotFound", "create it") },
        Lack { service: false, ..Lack::of("ServiceNotFound", "create it") },
        Lack { route: false, ..Lack::of("RouteNotFound", "create it") },
        Lack { template: None, ..Lack::of("TemplateNotFound", "create one") },
        Lack { template: broken("{{ revision }}", "{{ revison }}"), ..Lack::of("TemplateInvalid", "revison") },
        Lack { template: broken("sum by (pod) (", "sum by (pod ("), ..Lack::of("QueryRefused", "parse error") },
        Lack {
            template: broken("  - name: errors\n", "  - name: errors\n    address: http://elsewhere:9090\n"),
            ..Lack::of("AddressNotAllowed", "elsewhere")
        },
        Lack { template: broken("spec:\n", "spec:\n  args: [{name: port}]\n"), ..Lack::of("TemplateInvalid", "port") },
        Lack {
            change: |rollout| rollout.replace("service: web,", "service: other,"),
            ..Lack::of("ServiceNotFound", "other")
        },
        Lack {
            change: |rollout| {
                rollout.replace("{kind: HTTPRoute, name: web}", "{kind: HTTPRoute, name: web, rules: [nothing]}")
            },
            ..Lack::of("RuleNotFound", "nothing")
        },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_said_in_the_ready_condition_and_nothing_is_touched() {
    let _turn = together().await;
    let bed = Bed::shared().await;
    Controller::install(bed).await;
    for lack in lacks() {
        let namespace = bed.namespace_called("lack").await;
        let controller = Controller::start(bed, namespace.name(), "one").await;
        if lack.deployment {
            namespace.apply(&deployment("v1", 1, "")).await;
            namespace.deployment_ready("web").await;
        }
        if lack.service {
            namespace.apply(service()).await;
        }
        if lack.route {
            namespace.apply(&route(Mesh::HttpRoute, &namespace)).await;
        }
        if let Some(template) = &lack.template {
            namespace.apply(template).await;
        }
        let mark = bed.audit_mark();
        namespace.apply(&(lack.change)(rollout(Mesh::HttpRoute, STEPS, ANALYSIS, ""))).await;
        let told = namespace
            .wait_for_object(
                "siskin.dev/v1alpha1",
                "Rollout",
                "web",
                &format!("Ready=False with {}", lack.reason),
                |rollout| {
                    ready(rollout)
                        .is_some_and(|condition| condition["status"] == "False" && condition["reason"] == lack.reason)
                },
            )
            .await;
        let message = ready(&told).and_then(|condition| condition["message"].as_str()).unwrap_or_default().to_owned();
        assert!(message.contains(lack.words), "{}: {message}", lack.reason);
        drop(controller);
        let touched: Vec<String> = bed
            .audit_since(mark)
            .into_iter()
            .filter(|event| {
                event.is_write()
                    && !event.is_lease()
                    && event.user.contains("siskin")
                    && event.namespace == namespace.name()
            })
            .filter(|event| !event.resource.starts_with("rollouts") && event.resource != "events")
            .map(|event| format!("{} {}/{}", event.verb, event.resource, event.name))
            .collect();
        assert_eq!(touched, Vec::<String>::new(), "{}: nothing may be touched", lack.reason);
    }
}

fn ready(rollout: &Value) -> Option<&Value> {
    rollout["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == "Ready")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_rollouts_on_one_workload_the_older_wins() {
    let _turn = together().await;
    let shop = crate::harness::Shop::open(Mesh::HttpRoute, "rivals").await;
    // Creation times have seconds; the later one must be later.
    shop.namespace
        .apply(
            &rollout(Mesh::HttpRoute, STEPS, ANALYSIS, "")
                .replace("metadata: {name: web}", "metadata: {name: younger}"),
        )
        .await;
    let told = shop
        .namespace
        .wait_for_object("siskin.dev/v1alpha1", "Rollout", "younger", "Ready=False with WorkloadTaken", |rollout| {
            ready(rollout).is_some_and(|condition| condition["reason"] == "WorkloadTaken")
        })
        .await;
    assert!(
        ready(&told).and_then(|condition| condition["message"].as_str()).is_some_and(|message| message.contains("web"))
    );
    assert_eq!(shop.rollout().await["status"]["phase"], "Idle");
}
