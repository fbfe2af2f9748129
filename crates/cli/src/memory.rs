//! How much memory there is, and who may take it.

use crate::exit::WrongArgument;

/// The most that tensors take where the system does not tell how much memory is free.
const MAX_BYTES: u64 = 4 << 30;

/// The most host memory that this process has had resident so far, where the system tells: Linux's
/// `VmHWM`. On an adapter that is a processor, GPU memory is part of it.
pub fn peak_memory() -> Option<u64> {
    entry("/proc/self/status", "VmHWM:")
}

/// Bytes of memory that are free for new programs, where the system tells: Linux's `MemAvailable`.
fn free_memory() -> Option<u64> {
    entry("/proc/meminfo", "MemAvailable:")
}

/// What tensors may take: half of the memory that is free.
pub fn most_bytes() -> u64 {
    free_memory().map_or(MAX_BYTES, |free| free / 2)
}

/// Refuses tensors of so many bytes if they are more than `most`, or without it more than half of
/// the memory that is free.
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
