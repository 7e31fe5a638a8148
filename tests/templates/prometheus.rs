//! A Prometheus of the tests' own, on loopback, into which series can be planted.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use siskin_bed::tools::Tools;

use crate::{planted::Planted, remote_write};

/// Two tests of one process must not share a folder.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A running Prometheus; it ends and its data goes when this is dropped.
pub(crate) struct Prometheus {
    pub(crate) url: String,
    child: Child,
    pub(crate) folder: PathBuf,
    http: reqwest::Client,
}

impl Prometheus {
    /// Starts one on a free port and waits until it is ready.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_with(name, |_| Vec::new())
    }

    /// Starts one with more arguments, which may name files that are written to its folder.
    pub(crate) fn start_with(name: &str, arguments: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("prometheus-{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("prometheus.yml"), "global: {}\n").unwrap();
        // It must not outlive a test that is killed; this thread lives as long as the test does.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(Tools::ensure().unwrap().path("prometheus"))
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--web.enable-remote-write-receiver"])
            .args(arguments(&folder))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let (mut address, mut ready, mut read) = (None, false, String::new());
        for line in log.by_ref() {
            read.push_str(&line);
            read.push('\n');
            if line.contains("Listening on") {
                address = line.split("address=").nth(1).map(|rest| rest.trim().to_owned());
            }
            // The two come in either order.
            ready |= line.contains("Server is ready");
            if ready && address.is_some() {
                break;
            }
        }
        let address = address.unwrap_or_else(|| panic!("Prometheus ended before it was ready; its log:\n{read}"));
        thread::spawn(move || log.for_each(drop));
        Self { url: format!("http://{address}"), child, folder, http: http() }
    }

    /// Plants values at a time in milliseconds.
    pub(crate) async fn plant(&self, planted: &[Planted], at: i64) {
        let request = self
            .http
            .post(format!("{}/api/v1/write", self.url))
            .header("Content-Encoding", "snappy")
            .header("Content-Type", "application/x-protobuf")
            .header("X-Prometheus-Remote-Write-Version", "0.1.0")
            .body(remote_write::body(planted, at));
        let response = request.send().await.unwrap();
        let status = response.status();
        assert!(status.is_success(), "{status}: {}", response.text().await.unwrap());
    }
}

fn http() -> reqwest::Client {
    // Fails where another test of the process was first, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
