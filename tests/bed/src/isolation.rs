//! Enters the bed's own user, network and process namespace, without root.
//!
//! A process cannot move itself there safely, so it starts itself again: `setpriv --pdeathsig KILL unshare -rnpf
//! --kill-child SELF`. The inner process is the first of its process namespace, so the kernel ends every server when it
//! ends, whether by a return, a panic or SIGKILL; and it is killed itself when the outer process dies. The outer one
//! only waits, hands the exit code on and clears the run directory away.

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio, exit};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use crate::run_directory::RunDirectory;
use crate::tools::{Tools, find_in_path};

/// Set in the inner process; its value is the run directory that the outer process made.
pub(crate) const INSIDE: &str = "SISKIN_BED_INSIDE";

/// Every pod address lies in this range; its whole is local to the namespace, so any address can be bound.
pub(crate) const POD_RANGE: &str = "10.244.0.0/16";

/// How long the inner process may take to tidy up after an interrupt of the terminal, which reaches it too.
const TIDY_UP: Duration = Duration::from_secs(2);

/// How user namespaces are allowed where they are forbidden.
const HOW_TO_ALLOW: &str = "the bed needs unprivileged user namespaces: allow them with `sudo sysctl -w \
     kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000` (Debian) or `sudo sysctl -w \
     kernel.apparmor_restrict_unprivileged_userns=0` (Ubuntu); in a container, with `--security-opt seccomp=unconfined`";

/// Returns inside the namespace, with the network set up and the run directory of this run.
///
/// Outside, it makes sure that the tools are there, runs this program again inside with the same arguments, and ends
/// this process with that one's exit code: the call then never returns. Programs call it first thing; test binaries
/// reach it through [`crate::Bed::shared`].
///
/// # Errors
/// When a tool is missing or the namespace cannot be made, with what to do.
pub fn enter() -> anyhow::Result<RunDirectory> {
    if let Some(directory) = env::var_os(INSIDE) {
        set_up_network()?;
        return Ok(RunDirectory::existing(Path::new(&directory)));
    }
    Tools::ensure()?;
    check_that_namespaces_are_allowed()?;
    let directory = RunDirectory::create()?;
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--"])
        .arg(env::current_exe().context("could not find this program's own file")?)
        .args(env::args_os().skip(1))
        .env(INSIDE, directory.path());
    // The parent-death signal belongs to the thread that spawns, so that thread must wait until the end.
    let outcome = thread::spawn(move || run_to_end(command))
        .join()
        .map_err(|_| anyhow!("the thread that waits for the inner process panicked"))?;
    let end = outcome?;
    // Who interrupts a run has seen enough of it.
    directory.finish(matches!(end, End::Exited(0) | End::Interrupted(_)));
    exit(match end {
        End::Exited(code) => code,
        End::Interrupted(signal) => 128 + signal,
    })
}

/// How the inner process ended.
enum End {
    /// By itself, with this exit code.
    Exited(i32),
    /// Because this process got a signal of this number.
    Interrupted(i32),
}

/// Runs the inner process; an interrupt or a request to end kills it and everything in it, unless it ends by itself.
fn run_to_end(command: Command) -> anyhow::Result<End> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("could not make a runtime")?;
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut child =
            tokio::process::Command::from(command).spawn().context("could not run `setpriv` (package util-linux)")?;
        let signalled = tokio::select! {
            status = child.wait() => {
                return Ok(End::Exited(exit_code(status.context("could not wait for the inner process")?)));
            }
            _ = interrupt.recv() => {
                if let Ok(status) = tokio::time::timeout(TIDY_UP, child.wait()).await {
                    return Ok(End::Exited(exit_code(status.context("could not wait for the inner process")?)));
                }
                2
            }
            _ = terminate.recv() => 15,
            _ = hang_up.recv() => 1,
        };
        child.kill().await.context("could not end the inner process")?;
        Ok(End::Interrupted(signalled))
    })
}

/// As a shell gives it: a signal counts from 128.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

fn check_that_namespaces_are_allowed() -> anyhow::Result<()> {
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "--pid", "--fork"])
        .arg(ip()?)
        .args(["link", "set", "lo", "up"])
        .stdin(Stdio::null())
        .output()
        .context("could not run `unshare` (package util-linux)")?;
    if !output.status.success() {
        bail!("{} ({HOW_TO_ALLOW})", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}

/// Brings the loopback up and makes the pod range local. Refuses to touch a network that is not the bed's own.
fn set_up_network() -> anyhow::Result<()> {
    let links = Command::new(ip()?).args(["-o", "link"]).output().context("could not list the network links")?;
    let count = String::from_utf8_lossy(&links.stdout).lines().filter(|line| !line.contains(" lo: ")).count();
    if count > 0 {
        bail!("{INSIDE} is set, but this network has other links than the loopback: unset it, the bed sets it itself");
    }
    for arguments in [&["link", "set", "lo", "up"][..], &["route", "replace", "local", POD_RANGE, "dev", "lo"]] {
        let output = Command::new(ip()?).args(arguments).output().context("could not run ip")?;
        if !output.status.success() {
            bail!("`ip {}` failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim_end());
        }
    }
    Ok(())
}

fn ip() -> anyhow::Result<std::path::PathBuf> {
    find_in_path("ip").context("`ip` is missing: install it with `apt-get install iproute2`")
}
