//! Accounting of the memory of a device's buffers and textures.

use std::cell::Cell;
use std::rc::Rc;

use crate::GpuError;

/// Bytes of all buffers and textures of a device.
#[derive(Default)]
pub(crate) struct Memory {
    now: Cell<u64>,
    most: Cell<u64>,
    /// Whether memory is only counted: buffers then have a few bytes and are never read.
    counted_only: bool,
}

/// Counted until it is dropped.
pub(crate) struct Share {
    memory: Rc<Memory>,
    bytes: u64,
}

impl Memory {
    /// The peak.
    pub fn most(&self) -> u64 {
        self.most.get()
    }

    /// Memory that is only counted.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn counted_only() -> Self {
        Self {
            counted_only: true,
            ..Self::default()
        }
    }

    /// Whether the memory is allocated, not only counted.
    pub fn is_real(&self) -> bool {
        !self.counted_only
    }

    /// Counts an allocation of `bytes`, or refuses it above the adapter's `limit`; `label` names the buffer.
    pub fn share(self: &Rc<Self>, label: &str, bytes: u64, limit: u64) -> Result<Share, GpuError> {
        if bytes > limit {
            return Err(GpuError::TooLarge {
                label: label.to_owned(),
                bytes,
                limit,
            });
        }
        self.now.set(self.now.get() + bytes);
        self.most.set(self.most.get().max(self.now.get()));
        Ok(Share {
            memory: Rc::clone(self),
            bytes,
        })
    }
}

impl Share {
    /// Whether the memory is allocated, not only counted.
    pub fn is_real(&self) -> bool {
        self.memory.is_real()
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.now.set(self.memory.now.get() - self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_counts_as_long_as_it_lives() {
        let memory = Rc::new(Memory::default());
        let first = memory.share("first", 3, 8).unwrap();
        drop(memory.share("second", 4, 8).unwrap());
        let third = memory.share("third", 2, 8).unwrap();
        assert_eq!(memory.now.get(), first.bytes() + third.bytes());
        assert_eq!(memory.most(), 7);
    }

    #[test]
    fn one_that_is_too_large_is_refused_and_does_not_count() {
        let memory = Rc::new(Memory::default());
        let refused = memory.share("large", 9, 8);
        assert!(matches!(refused, Err(GpuError::TooLarge { bytes: 9, .. })));
        assert_eq!(memory.most(), 0);
    }
}
