//! What a server takes of the machine: memory and processor time, as the kernel counts them.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::process::Server;

/// Linux counts processor time in these, whatever the kernel's own rate is.
const TICKS_PER_SECOND: f64 = 100.0;
const MEGABYTE: f64 = 1e6;

/// What a process has taken.
#[derive(Debug, Clone, Copy)]
pub struct Consumption {
    /// Resident memory now, in megabytes.
    pub resident: f64,
    /// The most there has been of it, in megabytes.
    pub peak: f64,
    /// Processor time since its start, of user and system together.
    pub processor: Duration,
}

impl Server {
    /// What the server takes; nothing where it has ended.
    pub fn consumption(&self) -> Option<Consumption> {
        let process = self.in_proc()?;
        let status = fs::read_to_string(process.join("status")).ok()?;
        let megabytes = |name: &str| Some(field(&status, name)?.parse::<f64>().ok()? * 1024.0 / MEGABYTE);
        let stat = fs::read_to_string(process.join("stat")).ok()?;
        // The name stands in parentheses and may itself have some.
        let numbers = stat.rsplit_once(") ")?.1.split(' ').skip(11).take(2);
        let ticks: f64 = numbers.filter_map(|number| number.parse::<f64>().ok()).sum();
        Some(Consumption {
            resident: megabytes("VmRSS")?,
            peak: megabytes("VmHWM")?,
            processor: Duration::from_secs_f64(ticks / TICKS_PER_SECOND),
        })
    }

    /// Its folder in `/proc`, which is the machine's: its number there has to be found first.
    fn in_proc(&self) -> Option<PathBuf> {
        let here = fs::read_link("/proc/self/ns/net").ok()?;
        let is_it = |process: &PathBuf| {
            let status = fs::read_to_string(process.join("status")).unwrap_or_default();
            let inside = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
            inside.split_whitespace().last() == Some(&self.pid().to_string())
                && fs::read_link(process.join("ns/net")).is_ok_and(|namespace| namespace == here)
        };
        let mut processes = fs::read_dir("/proc").ok()?.flatten().map(|process| process.path());
        processes.find(|process| is_it(process))
    }
}

/// The number of a line such as `VmRSS:     1234 kB`.
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split_whitespace().next())
}
