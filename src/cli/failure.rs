//! How a command ends when it can't do what it was asked: an exit code, a sentence, and what to do about it.

use std::{fmt, process::ExitCode, time::Duration};

/// How long one call to the API server may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// A command's failure. The code is API: 1 the answer is no, 2 the command line is wrong, 3 nobody answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    code: u8,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// The answer is no: the object does not exist, the request was refused, the input can't be used.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into(), hint: None }
    }

    /// The command line is wrong.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, ..Self::refused(message) }
    }

    /// Nobody answered in time.
    pub(super) fn unanswered(message: impl Into<String>) -> Self {
        Self { code: 3, ..Self::refused(message) }
    }

    /// Whoever read the output has seen enough (`| head`): the command ends in silence, and well.
    pub(super) fn reader_left() -> Self {
        Self { code: 0, ..Self::refused("") }
    }

    /// Adds what the person can do about it.
    #[must_use]
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// One failure that says all of these, or nothing where there are none.
    pub(super) fn of_all(failures: Vec<Self>) -> Option<Self> {
        failures.into_iter().reduce(|mut all, next| {
            all.message = format!("{}\nerror: {}", all.message, next.message);
            all.hint = all.hint.or(next.hint);
            all
        })
    }

    /// Says it on stderr and gives another exit code than its own, for commands whose codes mean something else.
    pub(super) fn report_as(&self, code: u8) -> ExitCode {
        if self.code != 0 {
            eprintln!("{self}");
        }
        ExitCode::from(if self.code == 0 { 0 } else { code })
    }

    /// Says it on stderr and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        if self.code != 0 {
            eprintln!("{self}");
        }
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(out, "\n\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(failure) => failure,
            Err(error) => Self::refused(format!("{error:#}")),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::reader_left(),
            _ => Self::refused(format!("output could not be written: {error}")),
        }
    }
}

/// What a call to the API server is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// The kind: `Rollout`.
    pub(super) kind: &'static str,
    /// The same as rights name it: `rollouts`.
    pub(super) plural: &'static str,
}

/// Waits for a call about Rollouts, but not for ever; `doing` says what it is for (`read Rollout shop/web`).
pub(super) async fn in_time<T>(doing: &str, call: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
    in_time_for(Asked { kind: "Rollout", plural: "rollouts" }, doing, call).await
}

/// Waits for a call to the API server, but not for ever; `doing` says what it is for (`read Rollout shop/web`).
pub(super) async fn in_time_for<T>(
    asked: Asked,
    doing: &str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(answer) => answer.map_err(|error| Failure::of_api(asked, doing, &error)),
        Err(_elapsed) => {
            let waited = humantime::format_duration(PATIENCE);
            Err(Failure::unanswered(format!("could not {doing}: the API server did not answer within {waited}")))
        }
    }
}

impl Failure {
    /// What the API server's refusal means to a person who asked for this (`read Rollout shop/web`).
    fn of_api(Asked { kind, plural }: Asked, doing: &str, error: &kube::Error) -> Self {
        let message = format!("could not {doing}: {error}");
        match error {
            kube::Error::Api(status) if status.code == 404 && status.reason != "NotFound" => {
                Self::refused(format!("could not {doing}: this cluster does not know the kind {kind}"))
                    .hint("install the kinds with `siskin crds | kubectl apply --server-side -f -`")
            }
            kube::Error::Api(status) if status.is_not_found() && plural == "rollouts" => {
                Self::refused(format!("could not {doing}: it does not exist"))
                    .hint("`siskin get rollouts -A` lists the Rollouts of all namespaces")
            }
            kube::Error::Api(status) if status.is_not_found() => {
                Self::refused(format!("could not {doing}: it does not exist"))
                    .hint(format!("`kubectl get {plural} -A` lists those of all namespaces"))
            }
            kube::Error::Api(status) if status.is_forbidden() => {
                let verbs = if plural == "rollouts" { "verbs get, list, watch and patch" } else { "verb get" };
                Self::refused(format!("could not {doing}: {}", status.message))
                    .hint(format!("ask for the {verbs} on `{plural}.siskin.dev`"))
            }
            kube::Error::Api(status) => Self::refused(format!("could not {doing}: {}", status.message)),
            kube::Error::SerdeError(error) => Self::refused(format!(
                "could not {doing}: it has a form that this version of siskin does not know: {error}"
            )),
            _ => Self::refused(message).hint("`kubectl cluster-info` shows whether the API server can be reached"),
        }
    }
}
