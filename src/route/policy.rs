//! Policies that are attached to a Service by its name, such as `BackendTLSPolicy` and GKE's `HealthCheckPolicy`.
//!
//! They decide how proxies talk to the Service's pods (by TLS, after which health check), and do not hold for a generated
//! Service beside it. Most kinds allow one policy a target and their fields differ, so they are named to the user rather
//! than copied.

use serde_json::Value;

use crate::model::{Key, Object};

/// Which of these policies are attached to the Service by name, whatever their kind. Both forms are read: `spec.targetRef`
/// and `spec.targetRefs`.
pub fn attached_to<'a>(policies: impl IntoIterator<Item = &'a Object>, namespace: &str, service: &str) -> Vec<Key> {
    let mut attached: Vec<Key> = policies
        .into_iter()
        .filter(|policy| {
            let one = policy.at("/spec/targetRef").into_iter();
            let mut targets = one.chain(policy.list("/spec/targetRefs"));
            targets.any(|target| names(target, policy.namespace(), namespace, service))
        })
        .map(Object::key)
        .collect();
    attached.sort();
    attached
}

/// Whether a reference, written in an object of the namespace `written_in`, names the Service.
fn names(target: &Value, written_in: &str, namespace: &str, service: &str) -> bool {
    let text = |field: &str, default| target.get(field).and_then(Value::as_str).unwrap_or(default);
    text("kind", "") == "Service"
        && matches!(text("group", ""), "" | "core")
        && text("name", "") == service
        && text("namespace", written_in) == namespace
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Object {
        Object::new(serde_saphyr::from_str(text).unwrap())
    }

    #[test]
    fn policies_that_name_the_service_are_found_in_both_forms() {
        let policies = [
            policy(
                "{apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy, metadata: {name: web-tls, namespace: shop}, \
                 spec: {targetRefs: [{group: '', kind: Service, name: api}, {group: '', kind: Service, name: web, sectionName: https}]}}",
            ),
            policy(
                "{apiVersion: networking.gke.io/v1, kind: HealthCheckPolicy, metadata: {name: web-health, namespace: shop}, \
                 spec: {targetRef: {group: '', kind: Service, name: web}}}",
            ),
            policy(
                "{kind: BackendTLSPolicy, metadata: {name: other, namespace: shop}, spec: {targetRefs: [{kind: Service, name: web-canary}]}}",
            ),
            policy(
                "{kind: BackendTLSPolicy, metadata: {name: away, namespace: other}, spec: {targetRefs: [{kind: Service, name: web}]}}",
            ),
            policy(
                "{kind: HealthCheckPolicy, metadata: {name: import, namespace: shop}, spec: {targetRef: {group: net.gke.io, kind: ServiceImport, name: web}}}",
            ),
            policy(
                "{kind: Odd, metadata: {name: odd, namespace: shop}, spec: {targetRef: web, targetRefs: {kind: Service, name: web}}}",
            ),
        ];
        let found: Vec<String> = attached_to(&policies, "shop", "web").iter().map(ToString::to_string).collect();
        assert_eq!(found, ["BackendTLSPolicy shop/web-tls", "HealthCheckPolicy shop/web-health"]);
    }
}
