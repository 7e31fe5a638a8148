//! The command line, as a person types it.

use std::time::Duration;

use serde_json::Value;

use super::shop::Shop;

/// How long it may take until the end of a run is written down.
const LIMIT: Duration = Duration::from_mins(1);

impl Shop {
    /// Runs `siskin <arguments> -n <namespace>`; gives the exit code and both outputs.
    pub async fn siskin(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = self.namespace.bed().command(env!("CARGO_BIN_EXE_siskin"));
        command.args(arguments).args(["-n", self.namespace.name()]);
        let output =
            tokio::task::spawn_blocking(move || command.output()).await.expect("the task ends").expect("siskin starts");
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap_or(-1), text)
    }

    /// The verb is done, and the answer says so.
    pub async fn says(&self, arguments: &[&str], answer: &str) {
        let (code, text) = self.siskin(arguments).await;
        assert!(code == 0 && text.contains(answer), "siskin {arguments:?} ended with {code}: {text}");
    }

    /// The verb is refused with a sentence, and nothing is done.
    pub async fn refuses(&self, arguments: &[&str], answer: &str) {
        let (code, text) = self.siskin(arguments).await;
        assert!(code == 1 && text.contains(answer), "siskin {arguments:?} ended with {code}: {text}");
    }

    /// Replays an AnalysisRun once it is over. It comes to the exit code of the same decision, and says that both agree;
    /// gives what it says of that.
    pub async fn replays(&self, run: &str, exit_code: i32) -> Value {
        let is_over = |run: &Value| run["status"]["finishedAt"].is_string();
        let (version, kind) = ("siskin.dev/v1alpha1", "AnalysisRun");
        self.namespace.wait_for_object_within(version, kind, run, "the end of the analysis", LIMIT, is_over).await;
        let prometheus = self.namespace.bed().prometheus_url();
        let named = format!("analysisrun/{run}");
        let (code, text) = self.siskin(&["analyze", "--run", &named, "--prometheus", prometheus, "-o", "json"]).await;
        let record: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let replay = record["replay"].clone();
        assert!(code == exit_code && replay["agrees"] == true, "exit code {code}: {replay:#}");
        println!(
            "replay of {run}: look {} then, {} now, exact: {}, steps: {}",
            replay["recorded"]["look"], replay["replayed"]["look"], replay["exact"], replay["steps"]
        );
        replay
    }
}
