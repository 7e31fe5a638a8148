//! What a person can tell a Rollout to do, as the command line writes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a person tells a Rollout to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// Stay at the current weight.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Pass the current step without waiting for evidence.
    Promote,
    /// Pass all steps and roll the new version out.
    PromoteFull,
    /// Back to the stable version.
    Abort,
    /// Run a rolled back version once more.
    Retry,
    /// Roll the new version out without any canary, also before a run has begun.
    Skip,
}

impl Verb {
    /// The verb as it is typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Promote => "promote",
            Self::PromoteFull => "promote --full",
            Self::Abort => "abort",
            Self::Retry => "retry",
            Self::Skip => "skip",
        }
    }

    /// Whether it brings the new version nearer to users. The others keep or lower their risk.
    pub fn raises_risk(self) -> bool {
        !matches!(self, Self::Pause | Self::Abort)
    }
}

/// One request of a person. Written into the annotation [`crate::model::VERB_ANNOTATION`]; each `id` is applied once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerbRequest {
    /// What to do.
    pub verb: Verb,
    /// Tells this request from all others.
    pub id: String,
    /// Who asked. What the API server knows of them where the chart's policy writes it into the request; else what the
    /// request says of itself.
    pub by: String,
    /// When they asked (RFC 3339).
    pub at: String,
    /// The canary's revision that the person saw (`status.canaryRevision`), empty where they saw none. A run of another one
    /// is left alone, and the answer says so. Without it the request is for whatever runs when it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// The longest text of a request's field, in bytes: it goes into statuses, Events and logs.
const LONGEST: usize = 512;

impl VerbRequest {
    /// Reads the annotation's text.
    ///
    /// Of a field that is there twice the last one counts: the chart's policy adds the `by` that it knows at the end.
    ///
    /// # Errors
    /// Why it is no request, in words that follow "it is no request: ".
    pub fn parse(text: &str) -> Result<Self, String> {
        // A list would be read as a request too, and has no end at which the policy can add a field.
        let fields: Map<String, Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let request: Self = serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())?;
        let revision = request.revision.as_deref().unwrap_or_default();
        let texts = [("id", &*request.id), ("by", &*request.by), ("at", &*request.at), ("revision", revision)];
        match texts.iter().find(|(_, text)| text.len() > LONGEST) {
            Some((field, text)) => Err(format!("`{field}` has {} bytes, and {LONGEST} are the most", text.len())),
            None => Ok(request),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABORT: &str = r#"{"verb":"abort","id":"1","by":"boss","at":"2026-03-01T12:00:00Z"}"#;

    /// What the chart's policy makes of a text when `mallory` writes it.
    fn admitted(text: &str) -> String {
        text.rfind('}').map_or_else(|| text.to_owned(), |end| format!(r#"{},"by":"mallory"}}"#, &text[..end]))
    }

    #[test]
    fn a_request_without_a_revision_is_read() {
        let request = VerbRequest::parse(ABORT).unwrap();
        assert_eq!((request.verb, &*request.by, request.revision), (Verb::Abort, "boss", None));
    }

    #[test]
    fn who_asked_is_what_the_policy_has_added() {
        assert_eq!(VerbRequest::parse(&admitted(ABORT)).unwrap().by, "mallory");
    }

    #[test]
    fn nobody_can_write_a_request_that_names_somebody_else_after_the_policy_has_seen_it() {
        let tail = r#""verb":"abort","id":"1","at":"2026-03-01T12:00:00Z""#;
        let forged = [
            format!(r#"{{"by":"boss",{tail},"x":{{"y":1}}}}"#),
            format!(r#"{{"by":"boss",{tail},"x":{{"y":1}}"#),
            format!(r#"{{"by":"boss",{tail},"x":"}}"#),
            format!(r#"{{"by":"boss",{tail},"x":"\"}}"#),
            format!(r#"{{"by":"boss",{tail},"x":"\\"}}"#),
            format!(r#"{{"by":"boss",{tail}}} }}"#),
            format!(r#"{{"by":"boss",{tail}}}}}"#),
            format!(r#"{{"b\u0079":"boss",{tail}}}"#),
            format!(r#"[{{"by":"boss",{tail}}}]"#),
            r#"["abort","1","boss","2026-03-01T12:00:00Z"]"#.to_owned(),
            r#"["abort","1","boss","2026-03-01T12:00:00Z}"]"#.to_owned(),
        ];
        for text in forged {
            let read = VerbRequest::parse(&admitted(&text));
            assert!(read.as_ref().map_or(true, |request| request.by == "mallory"), "{text}: {read:?}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_reason() {
        let refused = |text: &str| VerbRequest::parse(text).unwrap_err();
        assert!(refused("abort").contains("expected value"), "{}", refused("abort"));
        assert!(refused(r#"{"verb":"abort"}"#).contains("missing field `id`"));
        assert!(refused(&ABORT.replace("abort", "explode")).contains("unknown variant `explode`"));
        let long = ABORT.replace("boss", &"b".repeat(600));
        assert_eq!(refused(&long), "`by` has 600 bytes, and 512 are the most");
    }
}
