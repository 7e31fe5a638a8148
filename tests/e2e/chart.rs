//! The chart, by the real Helm: what it grants and what it does not, and when it refuses to install or upgrade.

use serde_json::Value;
use siskin_bed::{Bed, CommandOutput, Server};

use crate::harness::{ANALYSIS, Controller, Mesh, STEPS, SYSTEM, alone, rollout, together};

const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/siskin");

/// Runs Helm and returns everything, also when it fails.
async fn helm(bed: &Bed, arguments: &[&str]) -> CommandOutput {
    bed.run_program(&bed.tools().path("helm"), arguments, None).await
}

/// Whether an account may do something, as the API server sees it.
async fn may(bed: &Bed, account: &str, verb: &str, what: &str, namespace: &str) -> bool {
    let account = format!("--as=system:serviceaccount:{account}");
    let answer = bed.try_kubectl(&["auth", "can-i", verb, what, &account, "--namespace", namespace], None).await;
    answer.stdout.trim() == "yes"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_controller_may_do_its_work_and_nothing_else() {
    let _turn = together().await;
    let bed = Bed::shared().await;
    Controller::install(bed).await;
    let account = format!("{SYSTEM}:siskin");
    let granted = [
        ("patch", "rollouts.siskin.dev/status"),
        ("patch", "httproutes.gateway.networking.k8s.io"),
        ("patch", "virtualservices.networking.istio.io"),
        ("create", "deployments.apps"),
        ("delete", "services"),
        ("list", "pods"),
        ("create", "events.events.k8s.io"),
    ];
    for (verb, what) in granted {
        assert!(may(bed, &account, verb, what, "default").await, "must be able to {verb} {what}");
    }
    let denied = [
        ("get", "secrets"),
        ("list", "secrets"),
        ("get", "configmaps"),
        ("create", "pods"),
        ("create", "pods/exec"),
        ("update", "rollouts.siskin.dev"),
        ("update", "deployments.apps"),
        ("create", "httproutes.gateway.networking.k8s.io"),
        ("delete", "virtualservices.networking.istio.io"),
        ("get", "leases.coordination.k8s.io"),
        ("patch", "mutatingadmissionpolicies.admissionregistration.k8s.io"),
    ];
    for (verb, what) in denied {
        assert!(!may(bed, &account, verb, what, "default").await, "must not be able to {verb} {what}");
    }
    assert!(may(bed, &account, "update", "leases.coordination.k8s.io", SYSTEM).await, "the lease lives in {SYSTEM}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_stops_while_the_crds_are_not_the_charts() {
    // The CRDs are everybody's.
    let _turn = alone().await;
    let bed = Bed::shared().await;
    Controller::install(bed).await;
    let upgrade = ["upgrade", "siskin", CHART, "--namespace", SYSTEM, "--reuse-values"];
    let answer = helm(bed, &upgrade).await;
    assert!(answer.success, "an upgrade to the same chart: {}", answer.stderr);

    let older =
        r#"[{"op": "remove", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/verdict"}]"#;
    bed.kubectl(&["patch", "crd", "rollouts.siskin.dev", "--type=json", "--patch", older]).await;
    let answer = helm(bed, &upgrade).await;
    assert!(!answer.success && answer.stderr.contains("helm show crds"), "{}{}", answer.stdout, answer.stderr);

    let crds = bed.helm(&["show", "crds", CHART]).await;
    bed.kubectl_with_input(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &crds).await;
    let answer = helm(bed, &upgrade).await;
    assert!(answer.success, "after the CRDs are the chart's again: {}", answer.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_make_no_sense_are_refused_with_their_name() {
    let _turn = together().await;
    let bed = Bed::shared().await;
    let cases = [
        ("prometheus.url=monitoring:9090", "/prometheus/url"),
        ("prometheus.alow={http://thanos:9090}", "alow"),
        ("prometheus.credentials.password=password", "/prometheus/credentials/password"),
        ("prometheus.credentials.secret=a,prometheus.credentials.username=siskin", "/prometheus/credentials/password"),
        ("prometheus.credentials.secret=a,prometheus.credentials.key=tls.key", "/prometheus/credentials/key"),
        ("replica=2", "replica"),
        ("replicas=two", "/replicas"),
        ("admissionPolicy.install=perhaps", "/admissionPolicy/install"),
        ("admissionPolicy.checkAuthor=false", "checkAuthor"),
        ("log.format=xml", "/log/format"),
    ];
    for (value, named) in cases {
        let answer = helm(bed, &["template", "siskin", CHART, "--set", value]).await;
        assert!(!answer.success && answer.stderr.contains(named), "{value}: {}{}", answer.stdout, answer.stderr);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_with_credentials_is_mounted_and_named_by_its_files_without_a_right_to_read_secrets() {
    let _turn = together().await;
    let bed = Bed::shared().await;
    let values = [
        "secret=prometheus",
        "username=siskin",
        "password=password",
        "ca=ca.crt",
        "certificate=tls.crt",
        "key=tls.key",
    ];
    let set = values.map(|value| format!("prometheus.credentials.{value}")).join(",");
    let manifest = bed.helm(&["template", "siskin", CHART, "--set", &set]).await;
    for line in [
        "- \"--prometheus-username=siskin\"",
        "- --prometheus-password-file=/etc/siskin/prometheus/password",
        "- --prometheus-ca-file=/etc/siskin/prometheus/ca.crt",
        "- --prometheus-cert-file=/etc/siskin/prometheus/tls.crt",
        "- --prometheus-key-file=/etc/siskin/prometheus/tls.key",
        "secretName: prometheus",
        "mountPath: /etc/siskin/prometheus",
    ] {
        assert!(manifest.lines().any(|found| found.trim() == line), "{line}\n{manifest}");
    }
    assert!(!manifest.contains("bearer") && !manifest.contains("secrets"), "{manifest}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_namespace_can_be_served_without_any_right_in_the_cluster() {
    let _turn = together().await;
    let bed = Bed::shared().await;
    // For the CRDs, which an administrator has installed before.
    Controller::install(bed).await;
    let namespace = bed.namespace_called("chart-one").await;
    let watched = format!(
        "replicas=0,watchNamespace={},rbac.clusterScoped=false,rbac.aggregate=false,admissionPolicy.install=false",
        namespace.name()
    );
    bed.helm(&["install", "own", CHART, "--namespace", namespace.name(), "--skip-crds", "--set", &watched]).await;
    let manifest = bed.helm(&["get", "manifest", "own", "--namespace", namespace.name()]).await;
    for kind in [
        "ClusterRole",
        "ClusterRoleBinding",
        "MutatingAdmissionPolicy",
        "ValidatingAdmissionPolicy",
        "ClusterAnalysisTemplate",
    ] {
        assert!(!manifest.contains(&format!("kind: {kind}\n")), "{kind} belongs to the cluster");
    }
    let account = format!("{}:own-siskin", namespace.name());
    namespace.kubectl(&["get", "analysistemplate", "http-server"]).await;
    assert!(may(bed, &account, "patch", "deployments.apps", namespace.name()).await);
    assert!(!may(bed, &account, "patch", "deployments.apps", "default").await);

    let _controller = start_as_installed(bed, "own-siskin", namespace.name()).await;
    namespace.apply(&rollout(Mesh::HttpRoute, STEPS, ANALYSIS, "")).await;
    let seen = |rollout: &Value| rollout["status"]["conditions"][0]["reason"] == "WorkloadNotFound";
    namespace
        .wait_for_object(
            "siskin.dev/v1alpha1",
            "Rollout",
            "web",
            "looked at by a controller with the rights of a namespace",
            seen,
        )
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_releases_in_one_namespace_have_leases_of_their_own_names() {
    let _turn = together().await;
    let bed = Bed::shared().await;
    for (release, lease) in [("siskin", "siskin"), ("blue", "blue-siskin"), ("green", "green-siskin")] {
        let manifest = bed.helm(&["template", release, CHART, "--show-only", "templates/deployment.yaml"]).await;
        assert!(manifest.contains(&format!("name: SISKIN_LEASE_NAME\n          value: {lease}\n")), "{manifest}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_policy_can_be_turned_off_and_goes_with_the_hold() {
    let _turn = together().await;
    let bed = Bed::shared().await;
    let policies = async |values: &str| {
        let manifest = bed.helm(&["template", "siskin", CHART, "--set", values]).await;
        ["hold", "account", "author", "verb"].map(|name| manifest.contains(&format!("policyName: siskin-{name}\n")))
    };
    let all = "admissionPolicy.install=true,admissionPolicy.boundAccount=true,admissionPolicy.checkAuthors=true,admissionPolicy.nameAskers=true";
    assert_eq!(policies(all).await, [true; 4]);
    assert_eq!(policies("admissionPolicy.install=false").await, [false; 4]);
    assert_eq!(policies(&format!("{all},admissionPolicy.boundAccount=false")).await, [true, false, true, true]);
    assert_eq!(policies(&format!("{all},admissionPolicy.checkAuthors=false")).await, [true, true, false, true]);
    assert_eq!(policies(&format!("{all},admissionPolicy.nameAskers=false")).await, [true, true, true, false]);
}

/// Starts the controller with the flags of the installed Deployment and the rights of its account.
async fn start_as_installed(bed: &Bed, name: &str, namespace: &str) -> Server {
    let deployment = bed.kubectl(&["get", "deployment", name, "--namespace", namespace, "-o", "json"]).await;
    let deployment: Value = serde_json::from_str(&deployment).expect("kubectl answers in JSON");
    let flags =
        deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().expect("the container has flags");
    let mut command = bed.command(env!("CARGO_BIN_EXE_siskin"));
    for flag in flags.iter().filter_map(Value::as_str) {
        match flag {
            // The port is taken in the bed.
            _ if flag.starts_with("--listen=") => command.arg("--listen=127.0.0.1:0"),
            _ if flag.starts_with("--prometheus-url=") => {
                command.arg(format!("--prometheus-url={}", bed.prometheus_url()))
            }
            _ => command.arg(flag.replace("$(POD_NAMESPACE)", namespace)),
        };
    }
    command
        .env("KUBECONFIG", bed.kubeconfig_for(namespace, name).await)
        .env("POD_NAME", name)
        .env("POD_NAMESPACE", namespace);
    bed.spawn(&format!("siskin-{namespace}"), command)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pod_is_as_strict_as_a_restricted_namespace_asks() {
    let _turn = together().await;
    let bed = Bed::shared().await;
    let rendered = bed.helm(&["template", "siskin", CHART, "--show-only", "templates/deployment.yaml"]).await;
    let namespace = bed.namespace_called("chart-strict").await;
    namespace.kubectl(&["label", "namespace", namespace.name(), "pod-security.kubernetes.io/warn=restricted"]).await;
    let checked = bed
        .try_kubectl(
            &["apply", "--dry-run=server", "--namespace", namespace.name(), "-o", "json", "-f", "-"],
            Some(&moved(&rendered, namespace.name())),
        )
        .await;
    assert!(checked.success && checked.stderr.is_empty(), "{}", checked.stderr);
    let deployment: Value = serde_json::from_str(&checked.stdout).expect("kubectl answers in JSON");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert!(
        container["resources"]["requests"]["memory"].is_string()
            && container["resources"]["limits"]["memory"].is_string()
    );
}

/// The manifest in another namespace.
fn moved(manifest: &str, namespace: &str) -> String {
    manifest.replace("namespace: default\n", &format!("namespace: {namespace}\n"))
}
