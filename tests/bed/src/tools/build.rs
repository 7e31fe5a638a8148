//! Builds the Go programs of the tools module.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};

use super::{GO_MOD, GO_SUM, GoTool, find_in_path};

/// What the stamped programs say of themselves; the same as the version of `k8s.io/kubernetes` in go.mod.
const KUBERNETES_VERSION: &str = "v1.37.2";

/// A Go toolchain that is new enough, and the tools module written out where it can work.
pub(super) struct Go {
    program: PathBuf,
    module: PathBuf,
    /// Go 1.27 turns its json/v2 experiment on, which breaks the API server's `OpenAPI`.
    without_json_v2: bool,
}

impl Go {
    /// Finds Go, checks its version and writes the module's files below `folder`.
    pub(super) fn new(folder: &Path) -> anyhow::Result<Self> {
        let needed = required_version();
        let install = format!(
            "install Go {}.{}.{} or newer from https://go.dev/dl",
            needed.0, needed.1, needed.2
        );
        let Some(program) = find_in_path("go") else {
            bail!("Go is missing, and the test servers are built with it: {install}");
        };
        let output = Command::new(&program)
            .args(["env", "GOVERSION"])
            .env("GOTOOLCHAIN", "local")
            .output()
            .with_context(|| format!("could not run {}", program.display()))?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let Some(version) = parse_version(text.trim_start_matches("go")) else {
            bail!(
                "`{} env GOVERSION` says {text:?}, which is no Go version: {install}",
                program.display()
            );
        };
        if version < needed {
            bail!("{text} is too old for the test servers: {install}");
        }
        let module = folder.join("module");
        fs::create_dir_all(&module)
            .with_context(|| format!("could not create {}", module.display()))?;
        for (name, text) in [("go.mod", GO_MOD), ("go.sum", GO_SUM)] {
            fs::write(module.join(name), text)
                .with_context(|| format!("could not write {name} in {}", module.display()))?;
        }
        Ok(Self {
            program,
            module,
            without_json_v2: version >= (1, 27, 0),
        })
    }

    /// Builds one program into `bin`; a half-finished build never gets the program's name.
    pub(super) fn build(
        &self,
        tool: &GoTool,
        bin: &Path,
        number: usize,
        of: usize,
    ) -> anyhow::Result<()> {
        let line = format!(
            "building {} ({number} of {of}, usually {})",
            tool.name, tool.usually
        );
        let started = Instant::now();
        let mut stderr = std::io::stderr();
        let _ = write!(
            stderr,
            "{line}{}",
            if stderr.is_terminal() { " …" } else { "\n" }
        );
        let partial = bin.join(format!(".{}.partial", tool.name));
        let output = self
            .command()
            .args(["build", "-trimpath", "-ldflags", &linker_flags(tool), "-o"])
            .arg(&partial)
            .arg(tool.package)
            .stdin(Stdio::null())
            .output()
            .context("could not run go build")?;
        if !output.status.success() {
            bail!(
                "{} could not be built:\n{}",
                tool.name,
                String::from_utf8_lossy(&output.stderr).trim_end()
            );
        }
        fs::rename(&partial, bin.join(tool.name))
            .with_context(|| format!("could not put {} in place", tool.name))?;
        if stderr.is_terminal() {
            let _ = writeln!(
                stderr,
                "\r{line}: done in {} s",
                started.elapsed().as_secs()
            );
        }
        Ok(())
    }

    /// The folder of a module's source, downloaded if need be.
    pub(super) fn module_folder(&self, module: &str) -> anyhow::Result<PathBuf> {
        let download = self
            .command()
            .args(["mod", "download", module])
            .output()
            .context("could not run go mod download")?;
        if !download.status.success() {
            bail!(
                "module {module} could not be downloaded: {}",
                String::from_utf8_lossy(&download.stderr).trim_end()
            );
        }
        let output = self
            .command()
            .args(["list", "-m", "-f", "{{.Dir}}", module])
            .output()
            .context("could not run go list")?;
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        if !folder.is_dir() {
            bail!(
                "`go list -m {module}` names no folder: {}",
                String::from_utf8_lossy(&output.stderr).trim_end()
            );
        }
        Ok(folder)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.module)
            .env("CGO_ENABLED", "0")
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "-buildvcs=false")
            .env("GOWORK", "off");
        if self.without_json_v2 {
            command.env("GOEXPERIMENT", "nojsonv2");
        }
        command
    }
}

fn linker_flags(tool: &GoTool) -> String {
    if !tool.stamped {
        return "-s -w ".to_owned();
    }
    let stamps = [
        ("gitMajor", "1"),
        ("gitMinor", "37"),
        ("gitVersion", KUBERNETES_VERSION),
        ("gitTreeState", "clean"),
        ("buildDate", "2026-01-01T00:00:00Z"),
    ]
    .map(|(name, value)| format!("-X k8s.io/component-base/version.{name}={value}"));
    format!("-s -w {}", stamps.join(" "))
}

/// The `go` line of go.mod.
fn required_version() -> (u32, u32, u32) {
    GO_MOD
        .lines()
        .find_map(|line| parse_version(line.strip_prefix("go ")?))
        .expect("go.mod always has a go line with a version")
}

/// "1.26.7" as numbers; what follows the digits ("1.27rc1", "1.26.7-X:nojsonv2") is left out.
fn parse_version(text: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = text.trim().split('.').map(|part| {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    });
    Some((
        numbers.next()??,
        numbers.next()??,
        numbers.next().flatten().unwrap_or(0),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_go_are_read_with_and_without_a_patch_level() {
        assert_eq!(parse_version("1.26.7"), Some((1, 26, 7)));
        assert_eq!(parse_version("1.27rc1"), Some((1, 27, 0)));
        assert_eq!(parse_version("devel"), None);
    }

    #[test]
    fn the_stamped_version_is_the_one_in_go_mod() {
        assert!(GO_MOD.contains(&format!("k8s.io/kubernetes {KUBERNETES_VERSION}")));
    }
}
