//! Memory of the system and limits on traces.

use crate::exit::WrongArgument;

/// Maximum bytes of tensors if the system does not report its free memory.
const MAX_BYTES: u64 = 4 << 30;

/// Peak resident memory of this process, if the system reports it (Linux's `VmHWM`). It includes GPU memory on a
/// software adapter.
pub fn peak_memory() -> Option<u64> {
    entry("/proc/self/status", "VmHWM:")
}

/// Bytes of available memory, if the system reports it (Linux's `MemAvailable`).
fn free_memory() -> Option<u64> {
    entry("/proc/meminfo", "MemAvailable:")
}

/// Limit for tensors: half of the available memory.
pub fn most_bytes() -> u64 {
    free_memory().map_or(MAX_BYTES, |free| free / 2)
}

/// Refuses tensors of more than `most` bytes, or by default of more than half of the available memory.
pub fn allow(bytes: u64, most: Option<u64>) -> Result<(), WrongArgument> {
    let most = most.unwrap_or_else(most_bytes);
    if bytes <= most {
        return Ok(());
    }
    Err(WrongArgument(format!(
        "These tensors take {} and only {} are allowed: ask for fewer of them, or shorten the prompt.",
        mebibytes(bytes),
        mebibytes(most)
    )))
}

/// `12.3 MiB`.
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// An entry in KiB, in bytes.
fn entry(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
