//! The built binary as people and scripts use it: what it prints, where, and its exit codes.

#![expect(clippy::unwrap_used, reason = "a test that can't go on ends where it stands")]

#[path = "cli/analyze.rs"]
mod analyze;
#[path = "cli/api_server.rs"]
mod api_server;
#[path = "cli/characterize.rs"]
mod characterize;
#[path = "cli/cluster.rs"]
mod cluster;
#[path = "cli/documents.rs"]
mod documents;
#[path = "cli/judge.rs"]
mod judge;
#[path = "cli/odd_prometheus.rs"]
mod odd_prometheus;
#[path = "cli/planted.rs"]
mod planted;
#[path = "cli/preview.rs"]
mod preview;
#[path = "templates/prometheus.rs"]
mod prometheus;
#[path = "templates/remote_write.rs"]
mod remote_write;
#[path = "cli/replay.rs"]
mod replay;

use std::{
    ffi::OsStr,
    fmt,
    process::{Command, Output},
};

/// A command that is to be run in the folder of the manifests.
fn siskin(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_siskin"));
    command
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/manifests"))
        .env_remove("KUBECONFIG")
        .env("NO_COLOR", "1");
    command
}

/// All that a run of the program has to say.
struct Said(Output);

impl fmt::Display for Said {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Output { status, stdout, stderr } = &self.0;
        let code = status.code().unwrap_or(-1);
        let (stdout, stderr) = (String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr));
        write!(out, "exit code: {code}\n----- stdout -----\n{stdout}----- stderr -----\n{stderr}")
    }
}
