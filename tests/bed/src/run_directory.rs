//! The directory of one run: configuration, data and logs of all servers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Set to keep the run directory at a known place, also after a successful run.
const DIRECTORY: &str = "SISKIN_BED_DIR";

/// Where a run keeps its files.
#[derive(Debug, Clone)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Makes a fresh one: `$SISKIN_BED_DIR`, or a new folder in the system's temporary directory.
    pub(crate) fn create() -> anyhow::Result<Self> {
        let path = std::env::var_os(DIRECTORY).map_or_else(
            || std::env::temp_dir().join(format!("siskin-bed-{}", std::process::id())),
            PathBuf::from,
        );
        if path.join("logs").is_dir() {
            fs::remove_dir_all(&path).with_context(|| {
                format!("could not clear the earlier run in {}", path.display())
            })?;
        }
        let directory = Self { path };
        fs::create_dir_all(directory.logs())
            .with_context(|| format!("could not create {}", directory.logs().display()))?;
        Ok(directory)
    }

    pub(crate) fn existing(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder with one log file for each server.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes one file and says where it is.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> anyhow::Result<PathBuf> {
        let path = self.file(name);
        fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))?;
        Ok(path)
    }

    /// After the run: removes it, unless the run failed or somebody asked for this place by name.
    pub(crate) fn finish(&self, succeeded: bool) {
        if !succeeded {
            eprintln!("the servers' logs are kept in {}", self.logs().display());
        } else if std::env::var_os(DIRECTORY).is_none() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
