//! A version that is as good as the one before is carried to everyone, and no request fails on the way.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::Value;

use crate::harness::{ANALYSIS, Mesh, STEPS, Shop, rollout, together};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_equal_version_is_promoted_through_an_http_route() {
    promoted_without_a_failed_request(Mesh::HttpRoute, "httproute").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_equal_version_is_promoted_through_an_http_route_on_the_service() {
    promoted_without_a_failed_request(Mesh::Gamma, "gamma").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_equal_version_is_promoted_through_a_virtual_service_with_hosts() {
    promoted_without_a_failed_request(Mesh::VirtualServiceHosts, "hosts").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_equal_version_is_promoted_through_a_virtual_service_with_subsets() {
    promoted_without_a_failed_request(Mesh::VirtualServiceSubsets, "subsets").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_equal_version_is_promoted_without_a_pin_by_a_stable_service_of_its_own() {
    let manifest =
        rollout(Mesh::HttpRoute, STEPS, ANALYSIS, "").replace("service: web,", "service: web, pinService: false,");
    promoted(Shop::open_as(Mesh::HttpRoute, "unpinned", &manifest)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_equal_version_is_promoted_where_the_deployment_is_held_at_all_times() {
    let shop = Box::pin(Shop::open_with(Mesh::VirtualServiceHosts, "always", STEPS, ANALYSIS, "  hold: Always\n"));
    promoted(async {
        let shop = shop.await;
        let paused = |deployment: &Deployment| deployment.spec.as_ref().and_then(|spec| spec.paused) == Some(true);
        shop.namespace.wait_for::<Deployment>("web", "it is held at rest", paused).await;
        shop
    })
    .await;
}

async fn promoted_without_a_failed_request(mesh: Mesh, name: &str) {
    promoted(Shop::open(mesh, name)).await;
}

async fn promoted(shop: impl Future<Output = Shop>) {
    let shop = Box::pin(shop);
    let _turn = together().await;
    let shop = shop.await;
    let mesh = shop.mesh;
    let before = shop.users_objects().await;
    let traffic = shop.customers(200.0).await;
    // The same route, for clients inside the mesh.
    let inside = if mesh == Mesh::VirtualServiceHosts { Some(shop.neighbours(50.0).await) } else { None };

    shop.ship("v2", "").await;
    let mut windows = Vec::new();
    let mut held: Option<(u32, Timestamp)> = None;
    for next in ["10", "25", "50", "promotion"] {
        let rollout = match next.parse() {
            Ok(weight) => shop.weight(weight).await,
            Err(_) => shop.phase("Promoting").await,
        };
        let run = &rollout["status"]["run"];
        // A step is entered when the one before has passed, and its weight is reached a moment later.
        if let Some((weight, from)) = held.take() {
            windows.push((weight, from, time(&run["since"])));
        }
        held = next.parse().ok().map(|weight| (weight, time(&run["reachedAt"])));
    }
    let outcome = shop.outcome(1).await;
    assert_eq!(outcome["outcome"], "Promoted", "{outcome}");

    traffic
        .wait_until("only v2 answers", |report| {
            report.records().iter().rev().take(400).all(|record| record.version.as_deref() == Some("v2"))
        })
        .await;
    let report = traffic.stop().await;
    let inside = match inside {
        Some(traffic) => Some(traffic.stop().await),
        None => None,
    };
    println!(
        "{mesh:?}: {} requests, {} failed, by version {:?}",
        report.total(),
        report.failures(),
        report.by_version()
    );
    for (place, report) in
        std::iter::once(("at the gateway", report)).chain(inside.map(|report| ("in the mesh", report)))
    {
        assert_eq!(report.failures(), 0, "{place}: {:?}", report.failed());
        for (weight, from, to) in &windows {
            let share = report.between(*from, *to).share_of("v2");
            println!("{mesh:?}, {place}: {weight} %: {} of {} requests reached the canary", share.hits, share.total);
            assert!(share.is_within(f64::from(*weight) / 100.0, 4.0), "{place}, {weight} %: {share:?}");
        }
    }
    assert_eq!(shop.leftovers().await, Vec::<String>::new());
    shop.until("rest after the run", |rollout| rollout["status"]["phase"] == "Idle").await;
    for (was, is) in before.iter().zip(shop.users_objects().await) {
        assert_eq!(*was, is, "{} is not what its user wrote", was.0);
    }
}

fn time(value: &Value) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).expect("the status has the time")
}
