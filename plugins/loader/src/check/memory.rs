//! How much memory this process has, to see whether it grows.

/// Resident memory in bytes, where the system tells.
pub(super) fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// More than the noise of allocators and of what is loaded late.
pub(super) const NOISE: u64 = 8 << 20;

/// Does something so often, and says by how much memory grew after the first tenth.
pub(super) fn growth(times: u32, mut does: impl FnMut()) -> Option<u64> {
    let warm = times / 10;
    (0..warm).for_each(|_| does());
    let before = resident()?;
    (warm..times).for_each(|_| does());
    Some(resident()?.saturating_sub(before))
}
