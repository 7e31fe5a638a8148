//! Istio's host names of a Service: `web`, `web.shop`, `web.shop.svc`, and in full `web.shop.svc.cluster.local`, where a
//! cluster may have any other domain than `cluster.local`.
//!
//! Other forms (`*.shop`, a host of several clusters) name other things and are foreign.

/// The domain under which a cluster set has the hosts of all its clusters: not one Service, but one of each cluster.
const CLUSTER_SET: &str = "clusterset.local";

/// Whether `host`, written in an object of the namespace `written_in`, names this Service.
pub(super) fn names(host: &str, written_in: &str, namespace: &str, service: &str) -> bool {
    if service.is_empty() {
        return false;
    }
    match host.split_once('.') {
        None => host == service && written_in == namespace,
        Some((name, rest)) => {
            name == service
                && rest.strip_prefix(namespace).is_some_and(|rest| {
                    rest.is_empty() || rest == ".svc" || rest.strip_prefix(".svc.").is_some_and(is_domain)
                })
        }
    }
}

/// The cluster's domain that a host in full has at its end: `cluster.local`.
pub(super) fn domain(host: &str) -> Option<&str> {
    let (_, rest) = host.split_once('.')?;
    let (_, rest) = rest.split_once('.')?;
    rest.strip_prefix("svc.").filter(|domain| is_domain(domain))
}

/// The host of another Service of the same namespace, in the form that the user wrote.
pub(super) fn renamed(host: &str, service: &str) -> String {
    match host.split_once('.') {
        None => service.to_owned(),
        Some((_, rest)) => format!("{service}.{rest}"),
    }
}

/// Whether this can be the domain of one cluster.
fn is_domain(domain: &str) -> bool {
    domain != CLUSTER_SET && domain.split('.').all(|label| !label.is_empty() && label != "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_host_names_the_service() {
        for host in ["web", "web.shop", "web.shop.svc", "web.shop.svc.cluster.local"] {
            assert!(names(host, "shop", "shop", "web"), "{host}");
        }
    }

    #[test]
    fn a_cluster_may_have_any_domain() {
        for host in ["web.shop.svc.pasta.local", "web.shop.svc.example.com", "web.shop.svc.k8s"] {
            assert!(names(host, "gateways", "shop", "web"), "{host}");
        }
        assert_eq!(domain("web.shop.svc.pasta.local"), Some("pasta.local"));
        for host in
            ["web", "web.shop", "web.shop.svc", "web.shop.svc.", "www.example.com", "web.shop.svc.clusterset.local"]
        {
            assert_eq!(domain(host), None, "{host}");
        }
    }

    #[test]
    fn a_short_name_is_looked_up_where_it_is_written() {
        assert!(!names("web", "gateways", "shop", "web"));
        assert!(names("web.shop", "gateways", "shop", "web"));
    }

    #[test]
    fn other_hosts_are_foreign() {
        for host in [
            "web2",
            "web.other",
            "web.shopping",
            "web.shop.example.com",
            "web.shop.svc.clusterset.local",
            "web.shop.svc.",
            "web.shop.svc..local",
            "web.example.com",
            "*.shop.svc.cluster.local",
            "",
        ] {
            assert!(!names(host, "shop", "shop", "web"), "{host}");
        }
        assert!(!names("", "shop", "shop", ""), "nothing names no Service");
    }

    #[test]
    fn a_renamed_host_keeps_its_form() {
        assert_eq!(renamed("web", "web-canary"), "web-canary");
        assert_eq!(renamed("web.shop.svc", "web-canary"), "web-canary.shop.svc");
        assert_eq!(renamed("web.shop.svc.cluster.local", "web-canary"), "web-canary.shop.svc.cluster.local");
        assert_eq!(renamed("web.shop.svc.pasta.local", "web-canary"), "web-canary.shop.svc.pasta.local");
    }
}
