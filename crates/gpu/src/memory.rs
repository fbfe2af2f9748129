//! How much memory the buffers and textures of a device take.

use std::cell::Cell;
use std::rc::Rc;

use crate::GpuError;

/// Bytes of a device, of all its buffers and textures together.
#[derive(Default)]
pub(crate) struct Memory {
    now: Cell<u64>,
    most: Cell<u64>,
    /// Whether it is only counted: buffers have a few bytes, and nobody looks into them.
    counted_only: bool,
}

/// Counts as long as it lives.
pub(crate) struct Share {
    memory: Rc<Memory>,
    bytes: u64,
}

impl Memory {
    /// The most there were at a time.
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

    /// Whether it is there, and not only counted.
    pub fn is_real(&self) -> bool {
        !self.counted_only
    }

    /// Counts `bytes` more, unless the adapter gives only `limit` at a time; `label` names what they
    /// are for.
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
    /// Whether it is there, and not only counted.
    pub fn is_real(&self) -> bool {
        self.memory.is_real()
    }

    /// How many bytes it is.
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
