//! Bytes fetched for the loads of a subgroup: caches are filled by sectors of 32 bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::trace::Loads;

const SECTOR: u32 = 32;

/// Of some load instructions, bytes that are brought over bytes that are used.
#[derive(Clone, Copy, Default)]
pub struct Ratio {
    fetched: u32,
    used: u32,
    /// The highest ratio of a single instruction.
    pub worst: f64,
}

impl Ratio {
    /// Of all of them.
    pub fn mean(&self) -> f64 {
        f64::from(self.fetched) / f64::from(self.used)
    }

    /// Adds an instruction with which invocations load these elements.
    fn add(&mut self, elements: &BTreeSet<u32>, bytes: u32) {
        let sectors_of = |i: &u32| i * bytes / SECTOR..=(i * bytes + bytes - 1) / SECTOR;
        let sectors: BTreeSet<u32> = elements.iter().flat_map(sectors_of).collect();
        let (fetched, used) = (sectors.len() as u32 * SECTOR, elements.len() as u32 * bytes);
        self.join(Self {
            fetched,
            used,
            worst: f64::from(fetched) / f64::from(used),
        });
    }

    /// Adds those of another.
    pub fn join(&mut self, other: Self) {
        self.fetched += other.fetched;
        self.used += other.used;
        self.worst = self.worst.max(other.worst);
    }
}

/// For subgroups of this many invocations, per load; loads of one name are merged.
pub fn ratios(loads: &[Loads], subgroup: usize) -> BTreeMap<String, Ratio> {
    let mut ratios: BTreeMap<String, Ratio> = BTreeMap::new();
    for Loads { site, lanes } in loads {
        for lanes in lanes.chunks(subgroup) {
            let lengths: BTreeSet<usize> = lanes.iter().map(Vec::len).filter(|n| *n > 0).collect();
            // Otherwise it is unknown which loads are one instruction.
            assert!(lengths.len() <= 1, "{}: branches differ", site.name);
            for n in 0..lengths.into_iter().max().unwrap_or(0) {
                let together = lanes.iter().filter_map(|lane| lane.get(n).copied());
                let ratio = ratios.entry(site.name.clone()).or_default();
                ratio.add(&together.collect(), site.bytes);
            }
        }
    }
    ratios
}
