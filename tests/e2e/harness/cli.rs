//! The command line, as a person types it.

use super::shop::Shop;

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
}
