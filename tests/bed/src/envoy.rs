//! The bootstrap of an Envoy that istiod feeds.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::servers::istiod::XDS_PORT;

/// Where each Envoy shows its statistics, on its pod's address.
pub(crate) const ADMIN_PORT: u16 = 15000;

/// What istiod takes the Envoy for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A gateway pod.
    Gateway,
    /// The sidecar of a client that calls Services by 127.0.0.1 and the Host header. Without interception its listeners
    /// are bound to the Services' ports on the loopback, so a network namespace has room for one.
    Sidecar,
}

/// The pod that the Envoy is.
pub(crate) struct Identity<'a> {
    pub(crate) role: Role,
    pub(crate) address: Ipv4Addr,
    pub(crate) pod: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) labels: &'a BTreeMap<String, String>,
}

/// The whole configuration file.
pub(crate) fn bootstrap(identity: &Identity<'_>) -> Value {
    let ads = json!({"ads": {}, "resource_api_version": "V3"});
    json!({
        "node": node(identity),
        "admin": {"address": socket(&identity.address.to_string(), ADMIN_PORT)},
        "stats_flush_interval": "1s",
        "stats_config": statistics(),
        "dynamic_resources": {
            "lds_config": ads,
            "cds_config": ads,
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
            },
        },
        "static_resources": {"clusters": [istiod()]},
    })
}

fn node(identity: &Identity<'_>) -> Value {
    let Identity {
        role,
        address,
        pod,
        namespace,
        labels,
    } = identity;
    let kind = match role {
        Role::Gateway => "router",
        Role::Sidecar => "sidecar",
    };
    let application = labels.get("app").map_or(*pod, String::as_str);
    let mut metadata = json!({
        "NAME": pod,
        "NAMESPACE": namespace,
        "CLUSTER_ID": "Kubernetes",
        "ISTIO_VERSION": "1.31.0",
        "INSTANCE_IPS": address,
        "LABELS": labels,
    });
    if *role == Role::Sidecar {
        metadata["INTERCEPTION_MODE"] = json!("NONE");
    }
    json!({
        "id": format!("{kind}~{address}~{pod}.{namespace}~{namespace}.svc.cluster.local"),
        "cluster": format!("{application}.{namespace}"),
        "metadata": metadata,
    })
}

/// istiod calls clusters `outbound|80|subset|host;`, full of dots: the default rule would cut the name at the first one
/// and leave the host in the metric's name.
fn statistics() -> Value {
    let tags = [
        ("cluster_name", r"^cluster\.((.+?);\.)"),
        ("response_code", r"_rq(_(\d{3}))$"),
        ("response_code_class", r"_rq(_(\dxx))$"),
        ("http_conn_manager_prefix", r"^http\.((.+?)\.)"),
    ];
    let tags: Vec<Value> = tags
        .iter()
        .map(|(name, regex)| json!({"tag_name": name, "regex": regex}))
        .collect();
    json!({"use_all_default_tags": false, "stats_tags": tags})
}

fn istiod() -> Value {
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    json!({
        "name": "xds-grpc",
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            (options): {
                "@type": format!("type.googleapis.com/{options}"),
                "explicit_http_config": {"http2_protocol_options": {}},
            },
        },
        "load_assignment": {
            "cluster_name": "xds-grpc",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": socket("127.0.0.1", XDS_PORT)}}]}],
        },
    })
}

fn socket(address: &str, port: u16) -> Value {
    json!({"socket_address": {"address": address, "port_value": port}})
}
