//! Why pods do not get ready, in the words of those who know: the kubelet and the scheduler.

use std::collections::BTreeMap;

use serde_json::Value;

/// How many different reasons are told.
const MOST_REASONS: usize = 3;
/// Reasons that every pod has for a moment.
const ORDINARY: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// The reasons of these pods, those of most pods first, each with the number of pods that have it.
pub(super) fn reasons(pods: &[Value]) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for reason in pods.iter().filter_map(reason) {
        *counts.entry(reason).or_default() += 1;
    }
    let mut reasons: Vec<(String, usize)> = counts.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let several = pods.len() > 1;
    let say = |(reason, count)| if several { format!("{reason} ({count} of {} pods)", pods.len()) } else { reason };
    reasons.into_iter().take(MOST_REASONS).map(say).collect()
}

/// Why one pod is not ready: it found no node, or a container of it does not run.
fn reason(pod: &Value) -> Option<String> {
    let conditions = list(&pod["status"]["conditions"]);
    if let Some(condition) = find(conditions, "PodScheduled").filter(|condition| condition["status"] == "False") {
        return Some(sentence("not scheduled", text(&condition["message"])));
    }
    let containers = || {
        let of = |field: &str| list(&pod["status"][field]).iter();
        of("initContainerStatuses").chain(of("containerStatuses"))
    };
    containers().find_map(container_reason).or_else(|| {
        let unready =
            containers().find(|container| container["ready"] == false && container["state"]["running"].is_object())?;
        Some(format!("container {} runs and its readiness probe fails", text(&unready["name"])))
    })
}

fn container_reason(container: &Value) -> Option<String> {
    let waiting = &container["state"]["waiting"];
    let last_end = &container["lastState"]["terminated"];
    let end = &container["state"]["terminated"];
    let name = text(&container["name"]);
    if waiting.is_object() && !ORDINARY.contains(&text(&waiting["reason"])) {
        let mut reason =
            sentence(&format!("container {name}: {}", text(&waiting["reason"])), text(&waiting["message"]));
        if let Some(code) = last_end["exitCode"].as_i64() {
            reason = sentence(&format!("{reason}; it ended last with code {code}"), text(&last_end["message"]));
        }
        return Some(reason);
    }
    let code = end["exitCode"].as_i64().filter(|code| *code != 0)?;
    Some(sentence(&format!("container {name}: {} with code {code}", text(&end["reason"])), text(&end["message"])))
}

fn sentence(what: &str, message: &str) -> String {
    let message = message.trim();
    if message.is_empty() { what.to_owned() } else { format!("{what}: {message}") }
}

fn find<'a>(conditions: &'a [Value], kind: &str) -> Option<&'a Value> {
    conditions.iter().find(|condition| condition["type"] == kind)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(container: &Value) -> Value {
        json!({"status": {"containerStatuses": [container]}})
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_told_in_the_kubelets_words() {
        let waiting = json!({"name": "app", "ready": false, "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"web:2\""}}});
        assert_eq!(reasons(&[pod(&waiting)]), ["container app: ImagePullBackOff: Back-off pulling image \"web:2\""]);
        assert_eq!(
            reasons(&[pod(&waiting), pod(&waiting), pod(&json!({"name": "app", "ready": true}))]),
            ["container app: ImagePullBackOff: Back-off pulling image \"web:2\" (2 of 3 pods)"]
        );
    }

    #[test]
    fn a_crash_loop_tells_how_the_container_ended() {
        let crashing = json!({
            "name": "app", "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
            "lastState": {"terminated": {"exitCode": 3, "message": "no database\n"}},
        });
        assert_eq!(
            reasons(&[pod(&crashing)]),
            ["container app: CrashLoopBackOff: back-off 10s; it ended last with code 3: no database"]
        );
    }

    #[test]
    fn a_pod_without_a_node_tells_what_the_scheduler_said() {
        let pending = json!({"status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]}});
        assert_eq!(reasons(&[pending]), ["not scheduled: 0/3 nodes are available"]);
    }

    #[test]
    fn a_container_that_runs_unready_blames_its_probe_and_one_that_starts_blames_nothing() {
        let unready =
            json!({"name": "app", "ready": false, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}});
        assert_eq!(reasons(&[pod(&unready)]), ["container app runs and its readiness probe fails"]);
        let starting = json!({"name": "app", "ready": false, "state": {"waiting": {"reason": "ContainerCreating"}}});
        assert!(reasons(&[pod(&starting)]).is_empty());
    }
}
