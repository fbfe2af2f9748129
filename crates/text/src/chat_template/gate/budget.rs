//! The budget of a rendering, and the cost of values.

use std::sync::atomic::{AtomicU64, Ordering};

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::invalid;
use crate::chat_template::{TooMuch, too_much};

/// Maximum bytes that one rendering reads.
const WORK: u64 = 4 << 30;
/// Maximum bytes that one rendering allocates, cumulative.
const MEMORY: u64 = 128 << 20;
/// Maximum size of one value, in bytes.
pub const MAX_VALUE: u64 = 16 << 20;
/// Maximum nesting of lists and dictionaries.
const MAX_DEPTH: usize = 50;
/// Cost of a list item, in bytes.
pub const PLACE: u64 = 32;
/// The remaining budget of a rendering.
#[derive(Debug, Default)]
pub struct Budget {
    work: AtomicU64,
    memory: AtomicU64,
}

impl Budget {
    /// Resets the budget for a new rendering.
    pub fn fill(&self) {
        self.work.store(WORK, Ordering::Relaxed);
        self.memory.store(MEMORY, Ordering::Relaxed);
    }

    /// Charges for reading bytes.
    pub fn look(&self, bytes: u64) -> Result<(), Error> {
        pay(&self.work, bytes, "4 GiB of work")
    }

    /// Charges for bytes that are about to be allocated.
    pub fn make(&self, bytes: u64) -> Result<(), Error> {
        if bytes > MAX_VALUE {
            return Err(too_much(TooMuch::VALUE));
        }
        pay(&self.memory, bytes, TooMuch::MEMORY)
    }

    /// Charges for reading a whole value. Returns its size in bytes.
    pub fn weigh(&self, value: &Value) -> Result<u64, Error> {
        let mut left = MAX_VALUE;
        let result = weigh(value, MAX_DEPTH, &mut left);
        self.look(MAX_VALUE - left + 1)?;
        result?;
        Ok(MAX_VALUE - left)
    }

    /// Charges for reading several values. Returns their total size in bytes.
    pub fn weigh_all(&self, values: &[Value]) -> Result<u64, Error> {
        values
            .iter()
            .try_fold(0, |sum, value| Ok(sum + self.weigh(value)?))
    }

    /// Upper bound of a value's printed size, in bytes.
    pub fn printed(&self, value: &Value) -> Result<u64, Error> {
        match value.as_str() {
            Some(text) => Ok(text.len() as u64),
            // 12: characters may be escaped (`\u{1F600}`); brackets and commas are covered by the cost of items.
            None => Ok(12 * self.weigh(value)?),
        }
    }
}

fn pay(budget: &AtomicU64, bytes: u64, what: &'static str) -> Result<(), Error> {
    let spend = |left: u64| left.checked_sub(bytes);
    match budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend) {
        Ok(_) => Ok(()),
        Err(_) => Err(too_much(what)),
    }
}

fn weigh(value: &Value, depth: usize, left: &mut u64) -> Result<(), Error> {
    let mut take = |bytes: u64| {
        *left = left
            .checked_sub(bytes)
            .ok_or_else(|| too_much(TooMuch::VALUE))?;
        Ok::<_, Error>(())
    };
    if let Some(text) = value.as_str() {
        return take(text.len() as u64);
    }
    take(PLACE)?;
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {}
        _ => return Ok(()),
    }
    if depth == 0 {
        return Err(invalid("its lists are nested too deeply"));
    }
    let is_map = value.kind() == ValueKind::Map;
    for item in value.try_iter()?.checked() {
        let item = item?;
        weigh(&item, depth - 1, left)?;
        if is_map && let Ok(inner) = value.get_item(&item) {
            weigh(&inner, depth - 1, left)?;
        }
    }
    Ok(())
}
