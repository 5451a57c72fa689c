//! The machine that figures were taken on, as Linux tells it. What it does not tell is left out.

use std::fs::read_to_string;
use std::time::Instant;

use serde::Serialize;

/// A machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// How many cores this process may use.
    pub cores: usize,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// How fast one core reads memory, in bytes a second.
    pub read_bytes_per_s: u64,
    /// The kernel.
    pub kernel: String,
}

impl Machine {
    /// The machine that this runs on.
    pub fn here() -> Machine {
        let info = read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = read_to_string("/proc/meminfo").unwrap_or_default();
        let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Machine {
            processor: field(&info, "model name").unwrap_or("unknown processor").to_string(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: field(&memory, "MemTotal").map_or(0, bytes),
            read_bytes_per_s: read_bytes_per_s(),
            kernel: format!("{} {}", std::env::consts::OS, kernel.trim()),
        }
    }

    /// The machine in one line.
    pub fn line(&self) -> String {
        let gib = self.memory_bytes as f64 / f64::from(1 << 30);
        let gigabytes = self.read_bytes_per_s as f64 / 1e9;
        format!(
            "{}, {} cores, {gib:.0} GiB that one of them reads at {gigabytes:.0} GB/s, {}",
            self.processor, self.cores, self.kernel
        )
    }
}

/// Adds up more than any cache holds; the best of a few times.
fn read_bytes_per_s() -> u64 {
    let words = vec![1u64; 1 << 25];
    let pass = || {
        let start = Instant::now();
        let sum = std::hint::black_box(&words).iter().fold(0u64, |sum, word| sum.wrapping_add(*word));
        std::hint::black_box(sum);
        start.elapsed().as_secs_f64()
    };
    let best = (0..3).map(|_| pass()).fold(f64::INFINITY, f64::min);
    (size_of_val(&*words) as f64 / best) as u64
}

/// The most memory that this process has held, in bytes; 0 where the system does not tell.
pub fn peak_bytes() -> u64 {
    let status = read_to_string("/proc/self/status").unwrap_or_default();
    field(&status, "VmHWM").map_or(0, bytes)
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim_start_matches([' ', '\t', ':']).trim_end())
}

/// `123 kB` in bytes.
fn bytes(text: &str) -> u64 {
    text.trim_end_matches(" kB").parse::<u64>().map_or(0, |kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        let text = "VmPeak:\t  100 kB\nVmHWM:\t    12 kB\nmodel name\t: A processor\n";
        assert_eq!(field(text, "VmHWM").map(bytes), Some(12 * 1024));
        assert_eq!(field(text, "model name"), Some("A processor"));
        assert_eq!(field(text, "VmRSS"), None);
    }
}
