//! The domain of the cluster, as far as the hosts that the user wrote tell it.

use serde_json::Value;

use super::{Backends, host, virtual_service::host_of};
use crate::model::Object;

/// The domain of a cluster that was set up without saying one.
const USUAL: &str = "cluster.local";

/// The domain by which `routes` or `destination_rules` name the Service in full, else `cluster.local`. Metrics of Istio
/// have hosts with it.
pub fn cluster_domain<'a>(
    routes: impl IntoIterator<Item = &'a Object>,
    destination_rules: &'a [Object],
    backends: &Backends<'_>,
) -> &'a str {
    let services = [backends.service.to_owned(), backends.stable_service(), backends.canary_service()];
    let of_service =
        |host: &&str| services.iter().any(|service| host::names(host, backends.namespace, backends.namespace, service));
    let rules = destination_rules.iter().map(|rule| rule.text("/spec/host"));
    let mut hosts = routes.into_iter().flat_map(hosts).chain(rules).filter(of_service);
    hosts.find_map(host::domain).unwrap_or(USUAL)
}

/// The hosts that a VirtualService sends to, and those that it is for. A route of another kind has none in this form.
fn hosts(route: &Object) -> impl Iterator<Item = &str> {
    let rules = route.list("/spec/http").iter();
    let entries = rules.flat_map(|rule| rule["route"].as_array().map_or(&[][..], Vec::as_slice));
    entries.map(host_of).chain(route.list("/spec/hosts").iter().filter_map(Value::as_str))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BACKENDS: Backends<'static> = Backends { namespace: "shop", service: "web", pinned: true, subset: None };

    fn virtual_service(host: &str, destination: &str) -> Object {
        Object::new(json!({"metadata": {"name": "web", "namespace": "shop"}, "spec": {
            "hosts": [host],
            "http": [{"redirect": {}}, {"route": [{"destination": {"host": destination}}]}],
        }}))
    }

    #[test]
    fn the_domain_is_the_one_that_the_user_wrote() {
        let domain = |host: &str, destination: &str| {
            cluster_domain(&[virtual_service(host, destination)], &[], &BACKENDS).to_owned()
        };
        assert_eq!(domain("web.example.org", "web.shop.svc.pasta.local"), "pasta.local");
        assert_eq!(domain("web.shop.svc.pasta.local", "web"), "pasta.local");
        assert_eq!(domain("*", "web-canary.shop.svc.pasta.local"), "pasta.local");
        assert_eq!(domain("web.example.org", "web.shop"), "cluster.local");
        assert_eq!(domain("web.shop", "api.shop.svc.pasta.local"), "cluster.local", "another Service says nothing");
        let rule = Object::new(json!({"spec": {"host": "web.shop.svc.pasta.local"}}));
        assert_eq!(cluster_domain(&[virtual_service("web", "web")], &[rule], &BACKENDS), "pasta.local");
        assert_eq!(cluster_domain(&[Object::new(json!({"spec": {"rules": [{}]}}))], &[], &BACKENDS), "cluster.local");
    }
}
