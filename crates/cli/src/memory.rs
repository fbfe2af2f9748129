/// The most host memory that this process has had resident so far, where the system tells: Linux's
/// `VmHWM`. On an adapter that is a processor, GPU memory is part of it.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
