//! Runs kubectl, Helm and other programs as a person at the bed would.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use tokio::io::AsyncWriteExt;

use crate::bed::Bed;
use crate::isolation;

/// What a program that ended has said.
#[derive(Debug, Clone)]
pub struct CommandOutput {
    /// Whether its exit code was 0.
    pub success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Bed {
    /// A command with the bed's environment: `KUBECONFIG`, the addresses, and the bed's programs first in `PATH`.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        // A program that starts a bed itself must not take this one's network for its own.
        command
            .envs(self.environment())
            .env_remove(isolation::INSIDE);
        command
    }

    /// The variables that [`Bed::command`] sets.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let path = std::env::var("PATH").unwrap_or_default();
        vec![
            ("KUBECONFIG", self.kubeconfig().display().to_string()),
            ("PATH", format!("{}:{path}", self.tools().bin().display())),
            (
                "SISKIN_BED_RUN_DIRECTORY",
                self.run_directory().display().to_string(),
            ),
            (
                "SISKIN_BED_PROMETHEUS_URL",
                self.prometheus_url().to_owned(),
            ),
            ("SISKIN_BED_ISTIO_GATEWAY", self.istio_gateway().to_string()),
            ("SISKIN_BED_GATEWAY_API", self.gateway_api().to_string()),
            ("SISKIN_BED_MESH_CLIENT", self.mesh_client().to_string()),
        ]
    }

    /// Runs kubectl as the administrator and returns what it printed.
    ///
    /// # Panics
    /// When kubectl fails; the text is what it said.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        self.try_kubectl(arguments, None)
            .await
            .expect_success("kubectl", arguments)
    }

    /// As [`Bed::kubectl`], with a standard input: `kubectl_with_input(&["apply", "-f", "-"], yaml)`.
    ///
    /// # Panics
    /// When kubectl fails.
    pub async fn kubectl_with_input(&self, arguments: &[&str], input: &str) -> String {
        self.try_kubectl(arguments, Some(input))
            .await
            .expect_success("kubectl", arguments)
    }

    /// Runs kubectl and returns everything, also when it fails.
    pub async fn try_kubectl(&self, arguments: &[&str], input: Option<&str>) -> CommandOutput {
        self.run_program(&self.tools().path("kubectl"), arguments, input)
            .await
    }

    /// Runs Helm as the administrator and returns what it printed.
    ///
    /// # Panics
    /// When Helm fails.
    pub async fn helm(&self, arguments: &[&str]) -> String {
        self.run_program(&self.tools().path("helm"), arguments, None)
            .await
            .expect_success("helm", arguments)
    }

    /// Runs any program to its end with the bed's environment.
    ///
    /// # Panics
    /// When the program cannot be started at all.
    pub async fn run_program(
        &self,
        program: &Path,
        arguments: &[&str],
        input: Option<&str>,
    ) -> CommandOutput {
        let mut command = self.command(program);
        command
            .args(arguments)
            .env("HELM_CACHE_HOME", self.helm_home("cache"))
            .env("HELM_CONFIG_HOME", self.helm_home("config"));
        match run_to_end(command, input).await {
            Ok(output) => output,
            Err(error) => panic!("{} could not be run: {error:#}", program.display()),
        }
    }

    fn helm_home(&self, part: &str) -> PathBuf {
        self.run_directory().join("helm").join(part)
    }
}

impl CommandOutput {
    fn expect_success(self, program: &str, arguments: &[&str]) -> String {
        assert!(
            self.success,
            "`{program} {}` failed: {}{}",
            arguments.join(" "),
            self.stderr,
            self.stdout
        );
        self.stdout
    }
}

async fn run_to_end(mut command: Command, input: Option<&str>) -> anyhow::Result<CommandOutput> {
    command.stdin(if input.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()
        .context("could not start")?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin
            .write_all(input.as_bytes())
            .await
            .context("could not write its input")?;
    }
    let output = child
        .wait_with_output()
        .await
        .context("could not wait for its end")?;
    Ok(CommandOutput {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
