//! Tools that write the user's manifests again and again, and users who edit in mid-run.

use siskin_bed::Namespace;

use crate::harness::{Mesh, Shop, deployment, route, together};

/// A Deployment manifest that states the hold field itself.
fn unpaused(manifest: &str) -> String {
    manifest.replace("  replicas:", "  paused: false\n  replicas:")
}

async fn client_side(namespace: &Namespace, manifest: &str) {
    namespace.bed().kubectl_with_input(&["apply", "-n", namespace.name(), "-f", "-"], manifest).await;
}

async fn server_side(namespace: &Namespace, manifest: &str) {
    namespace
        .bed()
        .kubectl_with_input(
            &[
                "apply",
                "--server-side",
                "--force-conflicts",
                "--field-manager",
                "gitops",
                "-n",
                namespace.name(),
                "-f",
                "-",
            ],
            manifest,
        )
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn manifests_applied_again_in_mid_run_neither_release_the_new_version_nor_reset_the_split() {
    let _turn = together().await;
    let steps = "[{weight: 20, hold: {min: 10m, max: 20m}}, {weight: 50, hold: {min: 5s}}]";
    let shop = Shop::open_with(Mesh::HttpRoute, "gitops", steps, crate::harness::ANALYSIS, "").await;
    let before = shop.users_objects().await;
    let traffic = shop.customers(100.0).await;
    let ns = &shop.namespace;
    let next = deployment("v2", 4, "");
    client_side(ns, &next).await;
    shop.weight(20).await;
    let since = shop.rollout().await["status"]["run"]["reachedAt"].clone();

    for manifest in [next.clone(), unpaused(&next)] {
        client_side(ns, &manifest).await;
        server_side(ns, &manifest).await;
        let held = ns.object("apps/v1", "Deployment", "web").await;
        assert_eq!(held["spec"]["paused"], true, "the hold is kept against {manifest}");
    }
    let original = route(Mesh::HttpRoute, ns);
    for _ in 0..3 {
        client_side(ns, &original).await;
        shop.split_is_back(20).await;
        server_side(ns, &original).await;
        shop.split_is_back(20).await;
    }

    let edited = original.replace(
        "  rules:\n",
        "  rules:\n  - name: health\n    matches: [{path: {type: Exact, value: /health}}]\n    backendRefs: [{name: web, port: 80}]\n  - name: old\n    matches: [{path: {type: Exact, value: /old}}]\n    filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplaceFullPath, replaceFullPath: /}, statusCode: 302}}]\n",
    );
    server_side(ns, &edited).await;
    shop.split_is_back(20).await;

    let rollout = shop.rollout().await;
    assert_eq!(rollout["status"]["run"]["reachedAt"], since, "the step and its evidence go on");
    assert_eq!(rollout["status"]["runs"], 1);
    shop.says(&["promote", "rollout/web"], "step 1").await;
    let outcome = shop.outcome(1).await;
    assert_eq!(outcome["outcome"], "Promoted", "{outcome}");

    let after = ns.object("gateway.networking.k8s.io/v1", "HTTPRoute", "web").await;
    let names: Vec<&str> =
        after["spec"]["rules"].as_array().expect("rules").iter().filter_map(|rule| rule["name"].as_str()).collect();
    assert_eq!(names, ["health", "old", "main"], "what the user added is still there");
    let main = &after["spec"]["rules"][2];
    assert_eq!(*main, before[0].1["rules"][0], "and the first rule is what it was");
    assert_eq!(after["spec"]["rules"][0]["backendRefs"].as_array().map(Vec::len), Some(1));
    let report = traffic.stop().await;
    assert_eq!(report.failures(), 0, "{:?}", report.failed());
}
