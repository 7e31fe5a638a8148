//! The servers themselves: who may do what, and outages.

use siskin_bed::Bed;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_log_tells_who_asked_what_and_a_service_account_has_only_its_own_rights() {
    let bed = Bed::shared().await;
    let namespace = bed.namespace().await;
    let mark = bed.audit_mark();
    namespace
        .apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: reader}}")
        .await;
    let kubeconfig = bed.kubeconfig_for(namespace.name(), "reader").await;
    let config = kubeconfig.to_str().expect("the path is UTF-8");
    let arguments = [
        "--kubeconfig",
        config,
        "get",
        "pods",
        "-n",
        namespace.name(),
    ];
    let output = bed.try_kubectl(&arguments, None).await;
    assert!(
        !output.success && output.stderr.contains("forbidden"),
        "{output:?}"
    );

    let user = format!("system:serviceaccount:{}:reader", namespace.name());
    let events = bed.audit_since(mark);
    let was_refused = events
        .iter()
        .any(|event| event.user == user && event.resource == "pods" && event.code == 403);
    let was_created = events.iter().any(|event| {
        event.is_write() && event.resource == "serviceaccounts" && event.name == "reader"
    });
    assert!(was_refused && was_created, "{events:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prometheus_is_gone_while_it_is_stopped_and_has_its_data_afterwards() {
    let bed = Bed::shared().await;
    let count = "count_over_time(up{job=\"envoy\"}[1h])";
    let before = bed
        .wait_for_query(count, "the Envoys were scraped", |samples| {
            samples.len() == 2
        })
        .await;
    bed.stop_prometheus().await;
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client without certificates");
    assert!(http.get(bed.prometheus_url()).send().await.is_err());
    bed.start_prometheus().await;
    let after = bed.query(count).await;
    assert!(
        after.len() == 2 && after[0].value >= before[0].value,
        "{before:?} {after:?}"
    );
}
