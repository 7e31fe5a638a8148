//! Istio's host names of a Service: `web`, `web.shop`, `web.shop.svc`, `web.shop.svc.cluster.local`.
//!
//! Other forms (another cluster domain, `*.shop`, a host of several clusters) name other things and are foreign.

/// Whether `host`, written in an object of the namespace `written_in`, names this Service.
pub(super) fn names(host: &str, written_in: &str, namespace: &str, service: &str) -> bool {
    match host.split_once('.') {
        None => host == service && written_in == namespace,
        Some((name, rest)) => {
            let rest = rest.strip_suffix(".svc.cluster.local").or_else(|| rest.strip_suffix(".svc")).unwrap_or(rest);
            name == service && rest == namespace
        }
    }
}

/// The host of another Service of the same namespace, in the form that the user wrote.
pub(super) fn renamed(host: &str, service: &str) -> String {
    match host.split_once('.') {
        None => service.to_owned(),
        Some((_, rest)) => format!("{service}.{rest}"),
    }
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
    fn a_short_name_is_looked_up_where_it_is_written() {
        assert!(!names("web", "gateways", "shop", "web"));
        assert!(names("web.shop", "gateways", "shop", "web"));
    }

    #[test]
    fn other_hosts_are_foreign() {
        for host in
            ["web2", "web.other", "web.shop.svc.clusterset.local", "web.example.com", "*.shop.svc.cluster.local", ""]
        {
            assert!(!names(host, "shop", "shop", "web"), "{host}");
        }
    }

    #[test]
    fn a_renamed_host_keeps_its_form() {
        assert_eq!(renamed("web", "web-canary"), "web-canary");
        assert_eq!(renamed("web.shop.svc", "web-canary"), "web-canary.shop.svc");
        assert_eq!(renamed("web.shop.svc.cluster.local", "web-canary"), "web-canary.shop.svc.cluster.local");
    }
}
