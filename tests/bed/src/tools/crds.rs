//! Takes the CRDs of Istio and the Gateway API out of the very modules that istiod is built from, so that they match.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::build::Go;

const ISTIO: &str = "istio.yaml";
const GATEWAY_API: &str = "gateway-api";

/// Whether an earlier [`copy`] went through to its end.
pub(super) fn are_complete(folder: &Path) -> bool {
    folder.join(ISTIO).is_file() && folder.join(GATEWAY_API).is_dir()
}

/// Copies the CRDs into `folder`: `istio.yaml`, and one file for each kind below `gateway-api/`.
pub(super) fn copy(go: &Go, folder: &Path) -> anyhow::Result<()> {
    let gateway_api = go
        .module_folder("sigs.k8s.io/gateway-api")?
        .join("config/crd/experimental");
    let partial = folder.join(".gateway-api.partial");
    fs::create_dir_all(&partial)
        .with_context(|| format!("could not create {}", partial.display()))?;
    let entries = fs::read_dir(&gateway_api)
        .with_context(|| format!("could not read {}", gateway_api.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("could not read {}", gateway_api.display()))?
            .path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        // The folder is a kustomization; only its resources are objects for the API server.
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
            && name != "kustomization.yaml"
        {
            copy_text(&path, &partial.join(name))?;
        }
    }
    let _ = fs::remove_dir_all(folder.join(GATEWAY_API));
    fs::rename(&partial, folder.join(GATEWAY_API))
        .context("could not put the Gateway API's CRDs in place")?;
    let istio = go
        .module_folder("istio.io/istio")?
        .join("manifests/charts/base/files/crd-all.gen.yaml");
    copy_text(&istio, &folder.join(ISTIO))
}

/// Copies content but not the module cache's read-only mode.
fn copy_text(from: &Path, to: &Path) -> anyhow::Result<()> {
    let text = fs::read(from).with_context(|| format!("could not read {}", from.display()))?;
    fs::write(to, text).with_context(|| format!("could not write {}", to.display()))
}
