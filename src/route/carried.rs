//! Which labels and annotations of a user's object its generated companion takes over.
//!
//! They decide how others treat the object (who scrapes it, where a mesh exports it), so all are taken over but two kinds:
//! those by which a tool would take the companion for an object of its own, and would prune it or put it back; and those
//! that claim something outside the cluster which can be claimed once (an address, a DNS name, a certificate).

use serde_json::{Map, Value, json};

use crate::model::{Object, ROLLOUT_LABEL};

/// Labels whose whole key says that a tool owns the object.
const OWNER_KEYS: [&str; 2] = ["app.kubernetes.io/managed-by", "kubernetes.io/cluster-service"];

/// Domains of keys by which tools know the objects that they made. Domains below them count too.
const OWNER_DOMAINS: [&str; 12] = [
    "addonmanager.kubernetes.io",
    "argocd.argoproj.io",
    "cattle.io",
    "config.k8s.io",
    "config.kubernetes.io",
    "helm.sh",
    "kapp.k14s.io",
    "kubectl.kubernetes.io",
    "pulumi.com",
    "siskin.dev",
    "tanka.dev",
    "toolkit.fluxcd.io",
];

/// Domains of keys by which controllers claim something outside the cluster for an object. Domains below them count too.
const CLAIM_DOMAINS: [&str; 20] = [
    "cloud.google.com",
    "consul.hashicorp.com",
    "dns.alpha.kubernetes.io",
    "elbv2.k8s.aws",
    "external-dns.alpha.kubernetes.io",
    "external-dns.kubernetes.io",
    "getambassador.io",
    "kube-vip.io",
    "lbipam.cilium.io",
    "load-balancer.hetzner.cloud",
    "loadbalancer.openstack.org",
    "metallb.io",
    "metallb.universe.tf",
    "networking.gke.io",
    "purelb.io",
    "service.alpha.openshift.io",
    "service.beta.kubernetes.io",
    "service.beta.openshift.io",
    "service.cloud.tencent.com",
    "tailscale.com",
];

/// Domains of keys by which Prometheus and its agents find what they scrape. So they do by labels of a person's own choice,
/// which have no domain.
const SCRAPE_DOMAINS: [&str; 4] = ["app.kubernetes.io", "k8s.grafana.com", "prometheus.io", "signoz.io"];

/// Whether a companion is to be scraped as the user's object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scraped {
    /// Its pods are behind no other Service.
    Yes,
    /// The user's object already has its pods. Scraped by both, each request would count twice, and a judge would believe
    /// to have twice the evidence.
    No,
}

/// The metadata of a companion: what it takes over, and by what it is known as the Rollout's.
pub(super) fn metadata(live: &Object, name: &str, rollout: &str, owner: &Value, scraped: Scraped) -> Value {
    let mut labels = carried(live, "/metadata/labels", scraped);
    labels.insert(ROLLOUT_LABEL.to_owned(), rollout.into());
    let mut metadata = json!({
        "name": name,
        "namespace": live.namespace(),
        "labels": labels,
        "ownerReferences": [owner],
    });
    let annotations = carried(live, "/metadata/annotations", scraped);
    if !annotations.is_empty() {
        metadata["annotations"] = annotations.into();
    }
    metadata
}

fn carried(live: &Object, pointer: &str, scraped: Scraped) -> Map<String, Value> {
    live.strings(pointer)
        .into_iter()
        .filter(|(key, _)| is_carried(key) && (scraped == Scraped::Yes || !finds_what_to_scrape(key)))
        .map(|(key, value)| (key, Value::from(value)))
        .collect()
}

fn is_carried(key: &str) -> bool {
    !OWNER_KEYS.contains(&key) && !is_of(key, &OWNER_DOMAINS) && !is_of(key, &CLAIM_DOMAINS)
}

fn finds_what_to_scrape(key: &str) -> bool {
    !key.contains('/') || is_of(key, &SCRAPE_DOMAINS)
}

/// Whether a key belongs to one of these domains, or to one below.
fn is_of(key: &str, domains: &[&str]) -> bool {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    domains
        .iter()
        .any(|known| domain.strip_suffix(known).is_some_and(|before| before.is_empty() || before.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decides_how_others_treat_the_service_is_taken_over() {
        for key in [
            "app",
            "app.kubernetes.io/name",
            "app.kubernetes.io/instance",
            "release",
            "networking.istio.io/exportTo",
            "networking.istio.io/traffic-distribution",
            "istio.io/use-waypoint",
            "prometheus.io/scrape",
            "service.kubernetes.io/topology-mode",
            "service.cilium.io/global",
            "example.helm.shop/team",
            "konghq.com/protocol",
        ] {
            assert!(is_carried(key), "{key}");
        }
    }

    #[test]
    fn what_makes_tools_prune_or_claim_is_not() {
        for key in [
            "app.kubernetes.io/managed-by",
            "helm.sh/chart",
            "meta.helm.sh/release-name",
            "kubectl.kubernetes.io/last-applied-configuration",
            "argocd.argoproj.io/tracking-id",
            "kustomize.toolkit.fluxcd.io/name",
            "helm.toolkit.fluxcd.io/name",
            "config.k8s.io/owning-inventory",
            "objectset.rio.cattle.io/hash",
            "kapp.k14s.io/app",
            "siskin.dev/rollout",
            "external-dns.alpha.kubernetes.io/hostname",
            "service.beta.kubernetes.io/aws-load-balancer-type",
            "cloud.google.com/neg",
            "metallb.universe.tf/loadBalancerIPs",
            "service.beta.openshift.io/serving-cert-secret-name",
            "tailscale.com/expose",
        ] {
            assert!(!is_carried(key), "{key}");
        }
    }

    #[test]
    fn pods_that_are_behind_the_users_service_already_are_not_scraped_twice() {
        let live = Object::new(json!({"metadata": {
            "name": "web",
            "namespace": "shop",
            "labels": {"app": "web", "app.kubernetes.io/name": "web", "istio.io/use-waypoint": "main"},
            "annotations": {"prometheus.io/scrape": "true", "networking.istio.io/exportTo": "."},
        }}));
        let metadata = |scraped| metadata(&live, "web-canary", "web", &json!({}), scraped);
        let carried =
            |metadata: &Value| -> (Value, Value) { (metadata["labels"].clone(), metadata["annotations"].clone()) };
        assert_eq!(
            carried(&metadata(Scraped::Yes)),
            (
                json!({"app": "web", "app.kubernetes.io/name": "web", "istio.io/use-waypoint": "main", "siskin.dev/rollout": "web"}),
                json!({"prometheus.io/scrape": "true", "networking.istio.io/exportTo": "."})
            )
        );
        assert_eq!(
            carried(&metadata(Scraped::No)),
            (
                json!({"istio.io/use-waypoint": "main", "siskin.dev/rollout": "web"}),
                json!({"networking.istio.io/exportTo": "."})
            )
        );
    }
}
