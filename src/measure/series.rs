//! The labels of a series, and what can be read from them: its name, its pod and its stratum.

use std::{collections::BTreeMap, fmt::Write as _};

use super::promql::escape;

/// Labels by which scrape rules and OpenTelemetry name pods, the most certain first.
const POD_LABELS: [&str; 5] = ["pod", "k8s_pod_name", "kubernetes_pod_name", "pod_name", "instance"];

/// A series' labels, sorted by name.
pub type Labels = BTreeMap<String, String>;

/// The labels as PromQL writes them: `{instance="10.0.0.7:8080",pod="web-1"}`.
pub(super) fn text(labels: &Labels) -> String {
    let mut text = String::from("{");
    for (index, (name, value)) in labels.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(text, r#"{comma}{name}="{}""#, escape(value, '"')).expect("writing to a String does not fail");
    }
    text.push('}');
    text
}

/// The pod that a series is of: the value of the label that is given, or of the first that usually has it. Empty where
/// the series does not say.
pub fn pod_of<'a>(labels: &'a Labels, label: Option<&str>) -> &'a str {
    let found = match label {
        Some(label) => labels.get(label),
        None => POD_LABELS.iter().find_map(|label| labels.get(*label)),
    };
    found.map_or("", String::as_str)
}

/// The stratum that a series is of: the values of these labels, as PromQL writes them. Empty where no label is given; a
/// label that the series does not have is "", as in PromQL.
pub fn stratum_of(labels: &Labels, by: &[String]) -> String {
    if by.is_empty() {
        return String::new();
    }
    let value = |label: &String| (label.clone(), labels.get(label).cloned().unwrap_or_default());
    text(&by.iter().map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_pod_is_what_the_template_or_the_scrape_rules_call_it() {
        let of_exporter = labels(&[("instance", "10.0.0.7:80"), ("kubernetes_pod_name", "web-1")]);
        assert_eq!(pod_of(&of_exporter, None), "web-1");
        assert_eq!(pod_of(&of_exporter, Some("instance")), "10.0.0.7:80");
        assert_eq!(pod_of(&of_exporter, Some("pod")), "");
        let pushed = labels(&[("instance", "8f0c"), ("k8s_pod_name", "web-1")]);
        assert_eq!(pod_of(&pushed, None), "web-1");
        assert_eq!(pod_of(&labels(&[("instance", "10.0.0.7:80")]), None), "10.0.0.7:80");
        assert_eq!(pod_of(&labels(&[("route", "a")]), None), "");
    }

    #[test]
    fn a_stratum_is_named_by_its_labels_in_one_order() {
        let by = ["zone".to_owned(), "route".to_owned()];
        let series = labels(&[("pod", "web-1"), ("route", "/\"a\""), ("zone", "b")]);
        assert_eq!(stratum_of(&series, &by), r#"{route="/\"a\"",zone="b"}"#);
        assert_eq!(stratum_of(&labels(&[("pod", "web-1")]), &by), r#"{route="",zone=""}"#);
        assert_eq!(stratum_of(&series, &[]), "");
    }
}
