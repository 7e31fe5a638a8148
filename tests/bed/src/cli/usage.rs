//! How much processor time each server of this bed has used.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;

/// Linux counts processor time in these, whatever the kernel's own rate is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time by program; of this program by kind of thread.
pub(super) struct Usage {
    at: Instant,
    ticks: BTreeMap<String, u64>,
}

impl Usage {
    /// Reads it for every process of this network namespace.
    pub(super) fn now() -> anyhow::Result<Self> {
        let here =
            fs::read_link("/proc/self/ns/net").context("could not read the network namespace")?;
        let own = fs::read_link("/proc/self").context("could not read the process id")?;
        let mut ticks = BTreeMap::new();
        for entry in fs::read_dir("/proc")
            .context("could not read /proc")?
            .flatten()
        {
            let process = entry.path();
            // `/proc/self` and `/proc/thread-self` are second names of this process.
            let is_process = entry
                .file_name()
                .as_encoded_bytes()
                .iter()
                .all(u8::is_ascii_digit);
            if is_process
                && fs::read_link(process.join("ns/net")).is_ok_and(|namespace| namespace == here)
            {
                if process.file_name() == Some(own.as_os_str()) {
                    for thread in fs::read_dir(process.join("task"))
                        .into_iter()
                        .flatten()
                        .flatten()
                    {
                        add(&mut ticks, &thread.path(), "siskin-bed, thread ");
                    }
                } else {
                    add(&mut ticks, &process, "");
                }
            }
        }
        Ok(Self {
            at: Instant::now(),
            ticks,
        })
    }

    /// What was used since an earlier reading, in percent of one core, the most first.
    pub(super) fn percent_since(&self, earlier: &Self) -> Vec<(String, f64)> {
        let seconds = self.at.duration_since(earlier.at).as_secs_f64();
        let used = self.ticks.iter().map(|(name, ticks)| {
            let used = ticks.saturating_sub(earlier.ticks.get(name).copied().unwrap_or(0));
            (
                name.clone(),
                used as f64 / TICKS_PER_SECOND / seconds * 100.0,
            )
        });
        let mut used: Vec<_> = used.filter(|(_, percent)| *percent >= 0.1).collect();
        used.sort_by(|(_, first), (_, second)| second.total_cmp(first));
        used
    }
}

/// Adds the user and system time that a `stat` file of /proc shows.
fn add(ticks: &mut BTreeMap<String, u64>, of: &Path, prefix: &str) {
    let text = fs::read_to_string(of.join("stat")).unwrap_or_default();
    // The name stands in parentheses and may itself have some.
    let Some((before, after)) = text.rsplit_once(") ") else {
        return;
    };
    let Some((_, name)) = before.split_once('(') else {
        return;
    };
    let numbers: Vec<u64> = after
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse().ok())
        .collect();
    *ticks.entry(format!("{prefix}{name}")).or_default() += numbers.iter().sum::<u64>();
}
