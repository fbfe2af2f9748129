/// The most host memory that this process has had resident so far, where the system tells: Linux's
/// `VmHWM`. On an adapter that is a processor, GPU memory is part of it.
pub fn peak_memory() -> Option<u64> {
    entry("/proc/self/status", "VmHWM:")
}

/// Bytes of memory that are free for new programs, where the system tells: Linux's `MemAvailable`.
pub fn free_memory() -> Option<u64> {
    entry("/proc/meminfo", "MemAvailable:")
}

/// An entry in KiB, in bytes.
fn entry(file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
