//! Reads the API server's own audit log: who asked what, when, and what it was answered.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};

use anyhow::Context;
use jiff::Timestamp;
use serde::Deserialize;

use crate::bed::Bed;
use crate::servers::api_server;

/// A place in the audit log; later requests lie behind it.
#[derive(Debug, Clone, Copy)]
pub struct AuditMark {
    offset: u64,
}

/// One request that was answered to its end. A watch appears when it closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// When the API server received it.
    pub at: Timestamp,
    /// `system:serviceaccount:NAMESPACE:NAME`, or `admin`.
    pub user: String,
    /// The client program, as it names itself.
    pub user_agent: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// The API group; empty for the core group and for requests without an object.
    pub api_group: String,
    /// The plural name of the kind; empty for requests without an object.
    pub resource: String,
    /// `status`, `scale`, …; empty for the object itself.
    pub subresource: String,
    /// Empty for objects of the cluster.
    pub namespace: String,
    /// Empty for lists, and for creations that let the server choose.
    pub name: String,
    /// The HTTP status code.
    pub code: u16,
    /// Path and query.
    pub uri: String,
}

impl AuditEvent {
    /// Whether it asked for a change.
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    /// Whether it is about a leader's lease.
    pub fn is_lease(&self) -> bool {
        self.resource == "leases"
    }
}

impl Bed {
    /// The present end of the audit log.
    pub fn audit_mark(&self) -> AuditMark {
        let offset = std::fs::metadata(api_server::audit_log(self.run()))
            .map_or(0, |metadata| metadata.len());
        AuditMark { offset }
    }

    /// Every request answered since the mark, oldest first.
    ///
    /// # Panics
    /// When the log cannot be read.
    pub fn audit_since(&self, mark: AuditMark) -> Vec<AuditEvent> {
        match self.read_audit(mark) {
            Ok(events) => events,
            Err(error) => panic!("{error:#}"),
        }
    }

    fn read_audit(&self, mark: AuditMark) -> anyhow::Result<Vec<AuditEvent>> {
        let path = api_server::audit_log(self.run());
        let mut file =
            File::open(&path).with_context(|| format!("could not open {}", path.display()))?;
        file.seek(SeekFrom::Start(mark.offset))
            .context("could not go to the mark in the audit log")?;
        let mut events = Vec::new();
        for line in BufReader::new(file).lines() {
            let line = line.with_context(|| format!("could not read {}", path.display()))?;
            // The line that is being written right now is not whole.
            if let Ok(entry) = serde_json::from_str::<Entry>(&line) {
                events.push(entry.into());
            }
        }
        Ok(events)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "requestURI")]
    request_uri: String,
    verb: String,
    user: User,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: ObjectReference,
    #[serde(default)]
    response_status: ResponseStatus,
    request_received_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ObjectReference {
    resource: String,
    namespace: String,
    name: String,
    api_group: String,
    subresource: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ResponseStatus {
    code: u16,
}

impl From<Entry> for AuditEvent {
    fn from(entry: Entry) -> Self {
        let ObjectReference {
            resource,
            namespace,
            name,
            api_group,
            subresource,
        } = entry.object_ref;
        Self {
            at: entry.request_received_timestamp,
            user: entry.user.username,
            user_agent: entry.user_agent,
            verb: entry.verb,
            api_group,
            resource,
            subresource,
            namespace,
            name,
            code: entry.response_status.code,
            uri: entry.request_uri,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_the_log_becomes_an_event() {
        let line = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1","stage":"ResponseComplete",
            "requestURI":"/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=x","verb":"patch","user":{"username":"admin"},
            "sourceIPs":["127.0.0.1"],"userAgent":"kubectl/v1","objectRef":{"resource":"deployments","namespace":"shop","name":"web",
            "apiGroup":"apps","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},
            "requestReceivedTimestamp":"2026-01-01T00:00:00.000001Z","stageTimestamp":"2026-01-01T00:00:00.1Z"}"#;
        let event: AuditEvent = serde_json::from_str::<Entry>(line)
            .expect("the line is an entry")
            .into();
        assert_eq!(
            (event.verb.as_str(), event.name.as_str(), event.code),
            ("patch", "web", 200)
        );
        assert!(event.is_write() && !event.is_lease());
    }
}
