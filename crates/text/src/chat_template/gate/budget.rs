//! What a rendering may still spend, and what values cost.

use std::sync::atomic::{AtomicU64, Ordering};

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::invalid;
use crate::chat_template::{TooMuch, too_much};

/// Bytes that one rendering may look at.
const WORK: u64 = 4 << 30;
/// Bytes that one rendering may make.
const MEMORY: u64 = 128 << 20;
/// Bytes of one value.
pub const MAX_VALUE: u64 = 16 << 20;
/// Lists within lists.
const MAX_DEPTH: usize = 50;
/// What a place in a list costs.
pub const PLACE: u64 = 32;
/// What a rendering may still spend.
#[derive(Debug, Default)]
pub struct Budget {
    work: AtomicU64,
    memory: AtomicU64,
}

impl Budget {
    /// Fills it for a new rendering.
    pub fn fill(&self) {
        self.work.store(WORK, Ordering::Relaxed);
        self.memory.store(MEMORY, Ordering::Relaxed);
    }

    /// Pays for looking at bytes.
    pub fn look(&self, bytes: u64) -> Result<(), Error> {
        pay(&self.work, bytes, "4 GiB of work")
    }

    /// Pays for bytes before they are made.
    pub fn make(&self, bytes: u64) -> Result<(), Error> {
        if bytes > MAX_VALUE {
            return Err(too_much(TooMuch::VALUE));
        }
        pay(&self.memory, bytes, TooMuch::MEMORY)
    }

    /// Pays for looking at all of a value. Returns how many bytes that are.
    pub fn weigh(&self, value: &Value) -> Result<u64, Error> {
        let mut left = MAX_VALUE;
        let result = weigh(value, MAX_DEPTH, &mut left);
        self.look(MAX_VALUE - left + 1)?;
        result?;
        Ok(MAX_VALUE - left)
    }

    /// The same for several.
    pub fn weigh_all(&self, values: &[Value]) -> Result<u64, Error> {
        values
            .iter()
            .try_fold(0, |sum, value| Ok(sum + self.weigh(value)?))
    }

    /// How many bytes a value has in print.
    pub fn printed(&self, value: &Value) -> Result<u64, Error> {
        match value.as_str() {
            Some(text) => Ok(text.len() as u64),
            // Characters may be escaped (`\u{1F600}`), and brackets and commas come with places.
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
        return Err(invalid("its lists nest too deep"));
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
