//! Starts servers as child processes, each with a log file of its own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How often a server that starts or ends is looked at.
const LOOK: Duration = Duration::from_millis(20);

type Order = (Command, Sender<io::Result<Child>>);

/// Envoy ends when the *thread* that spawned it ends, so all children are spawned by one thread that never does.
static SPAWNER: LazyLock<Sender<Order>> = LazyLock::new(|| {
    let (sender, orders) = channel::<Order>();
    thread::Builder::new()
        .name("bed-spawner".to_owned())
        .spawn(move || {
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        })
        .expect("a thread can be started at the beginning of a run");
    sender
});

/// A running server.
#[derive(Debug)]
pub struct Server {
    name: String,
    log: PathBuf,
    pid: u32,
    child: Mutex<Child>,
}

impl Server {
    /// Starts `command` with both outputs in `<logs>/<name>.log` (appended, so a restart keeps what was there).
    pub(crate) fn start(name: &str, mut command: Command, logs: &Path) -> anyhow::Result<Self> {
        let log = logs.join(format!("{name}.log"));
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("could not open {}", log.display()))?;
        let program = command.get_program().to_owned();
        command.stdin(Stdio::null()).stdout(output.try_clone().context("could not share a log file")?).stderr(output);
        let (sender, answer) = channel();
        SPAWNER.send((command, sender)).expect("the spawner lives as long as the process");
        let child = answer
            .recv()
            .expect("the spawner answers every order")
            .with_context(|| format!("could not start {} for {name}", program.display()))?;
        Ok(Self { name: name.to_owned(), log, pid: child.id(), child: Mutex::new(child) })
    }

    /// The process id inside the bed's process namespace.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The name it was started under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file with everything it printed.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it has not ended yet.
    pub fn is_running(&self) -> bool {
        self.exit_status().is_none()
    }

    /// SIGKILL: it ends without a chance to do anything.
    pub fn kill(&self) {
        let _ = self.child().kill();
    }

    /// SIGTERM: it is asked to end.
    pub fn terminate(&self) {
        // A child that was not waited for keeps its pid, so the signal cannot reach a stranger.
        if self.is_running()
            && let Ok(pid) = i32::try_from(self.pid)
            && let Some(pid) = Pid::from_raw(pid)
        {
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Waits until it has ended.
    pub async fn wait(&self) -> ExitStatus {
        loop {
            if let Some(status) = self.exit_status() {
                return status;
            }
            // It is asked by those who do not wait, too, so the child is not theirs alone to await.
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until `is_ready` says so, and fails at once when the server ends instead.
    pub(crate) async fn ready<F>(&self, limit: Duration, is_ready: impl Fn() -> F) -> anyhow::Result<()>
    where
        F: Future<Output = bool>,
    {
        let started = Instant::now();
        while !is_ready().await {
            if let Some(status) = self.exit_status() {
                bail!("{} ended while it started ({status}); {}", self.name, last_lines(&self.log, 15));
            }
            if started.elapsed() > limit {
                bail!("{} was not ready after {} s; {}", self.name, limit.as_secs(), last_lines(&self.log, 15));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    fn exit_status(&self) -> Option<ExitStatus> {
        self.child().try_wait().ok().flatten()
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a log file as text for an error message, with the file's name.
pub(crate) fn last_lines(log: &Path, count: usize) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let shown = &lines[lines.len().saturating_sub(count)..];
    format!("the last {} lines of {}:\n{}", shown.len(), log.display(), shown.join("\n"))
}
