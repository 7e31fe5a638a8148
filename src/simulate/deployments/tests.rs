//! Tests of the simulated Deployment controller, against what the real one does.

use super::*;
use crate::simulate::{
    random::Random,
    scene::Scene,
    setting::{NAME, RouteShape, Setting},
};

/// A scene whose pods are ready, and its time.
fn scene(replicas: u32) -> Scene {
    let mut setting = Setting::plain(RouteShape::HttpRoutePinned, true);
    setting.replicas = replicas;
    let mut scene = Scene::new(setting, Random::new(1));
    run_until(&mut scene, 10_000);
    scene
}

fn run_until(scene: &mut Scene, end: Millis) {
    loop {
        scene.settle();
        match scene.next() {
            Some(at) if at <= end => scene.pass(at),
            _ => break,
        };
    }
    scene.pass(end);
}

fn change(scene: &mut Scene, change: impl FnOnce(&mut Value)) {
    scene.store.update(Writer::System, Kind::Deployment, NAME, change);
}

fn sizes(scene: &Scene) -> Vec<i64> {
    let mut sets: Vec<_> = scene.store.all(Kind::ReplicaSet).map(|set| (set.created(), replicas(set))).collect();
    sets.sort();
    sets.into_iter().map(|(_, size)| size).collect()
}

#[test]
fn a_deployment_gets_its_pods_and_says_so() {
    let scene = scene(4);
    let workload = scene.workload().unwrap();
    assert_eq!(sizes(&scene), [4]);
    assert_eq!(
        (workload.number("/status/readyReplicas"), workload.number("/status/observedGeneration")),
        (Some(4), Some(1))
    );
    assert_eq!(scene.ready_behind(NAME).len(), 4);
}

#[test]
fn a_paused_deployment_makes_no_new_replica_set_but_scales() {
    let mut scene = scene(4);
    change(&mut scene, |web| {
        web["spec"]["paused"] = json!(true);
        web["spec"]["replicas"] = json!(6);
        web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("siskin.test/app:v1");
    });
    run_until(&mut scene, 40_000);
    assert_eq!(sizes(&scene), [6]);
}

#[test]
fn a_rolling_update_keeps_its_surge_and_never_leaves_too_few_ready_pods() {
    let mut scene = scene(4);
    change(&mut scene, |web| web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("siskin.test/app:v1"));
    for second in 11..60 {
        run_until(&mut scene, second * 1000);
        let ready = scene.deployments.pods.iter().filter(|pod| pod.ready(scene.now)).count();
        assert!(ready >= 3 && sizes(&scene).iter().sum::<i64>() <= 5, "{ready} ready of {:?}", sizes(&scene));
    }
    assert_eq!(sizes(&scene), [0, 4]);
}

#[test]
fn pods_that_never_get_ready_stop_a_rolling_update() {
    let mut scene = scene(4);
    scene.deployments.versions[1].starts = false;
    change(&mut scene, |web| web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("siskin.test/app:v1"));
    run_until(&mut scene, 120_000);
    assert_eq!(sizes(&scene), [3, 2]);
}
