//! Unicode normalization with small tables, for the browser.
//!
//! `unicode-normalization-alignments` finds its tables by perfect hashes, which look random and so
//! weigh 53 kB over the wire. Here they are written in order, as distances, from what the crate
//! itself answers for every character.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context, Result};
use unicode_normalization_alignments::char::{
    canonical_combining_class, compose, decompose_canonical, decompose_compatible,
    is_combining_mark,
};

use crate::files::{self, Stamp};

#[cfg(test)]
mod packed;

/// The crate, as the compiler is told of it.
pub const CRATE: &str = "unicode_normalization_alignments";

const PACKED: &str = include_str!("lean_normalization/packed.rs");
const LOOKUPS: &str = include_str!("lean_normalization/lookups.rs");

/// Copies the crate's source, whose root file is `root`, into a folder, with these tables.
pub fn write(root: &Path, folder: &Path) -> Result<()> {
    let tables = packed();
    let tables_file = folder.join("tables.bin");
    let content = root.display().to_string() + PACKED + LOOKUPS;
    let stamp = Stamp::new(folder.join("stamp"), content);
    // Written again, it would be newer than what cargo made of it, and compiled each time.
    if stamp.holds() && files::read(&tables_file).is_ok_and(|there| there == tables) {
        return Ok(());
    }
    let source = root.parent().context("a crate's source lies in a folder")?;
    files::copy_folder(source, folder)?;
    let lib = files::read_text(root)?;
    files::write(&folder.join("lib.rs"), format!("{lib}\nmod packed;\n"))?;
    files::write(&folder.join("packed.rs"), PACKED)?;
    files::write(&folder.join("lookups.rs"), LOOKUPS)?;
    files::write(&tables_file, tables)?;
    stamp.set()
}

/// What `packed.rs` reads.
fn packed() -> Vec<u8> {
    let mut writer = Writer::default();
    writer.runs(canonical_combining_class);
    writer.runs(|c| u8::from(is_combining_mark(c)));
    let canonical: Vec<_> = characters().filter_map(canonical).collect();
    writer.decompositions(&canonical);
    let compatible: Vec<_> = characters().filter_map(compatible).collect();
    writer.decompositions(&compatible);
    writer.compositions(&canonical);
    writer.packed
}

fn characters() -> impl Iterator<Item = char> {
    '\0'..=char::MAX
}

/// Syllables are composed by arithmetic, without tables.
fn is_hangul(c: char) -> bool {
    ('\u{ac00}'..='\u{d7a3}').contains(&c)
}

fn parts(c: char, decompose: fn(char, &mut dyn FnMut(char))) -> Vec<char> {
    let mut parts = Vec::new();
    decompose(c, &mut |part| parts.push(part));
    parts
}

fn canonical(c: char) -> Option<(char, Vec<char>)> {
    let parts = parts(c, |c, emit| decompose_canonical(c, emit));
    (parts != [c] && !is_hangul(c)).then_some((c, parts))
}

fn compatible(c: char) -> Option<(char, Vec<char>)> {
    let compatible = parts(c, |c, emit| decompose_compatible(c, emit));
    let canonical = parts(c, |c, emit| decompose_canonical(c, emit));
    (compatible != canonical).then_some((c, compatible))
}

#[derive(Default)]
struct Writer {
    packed: Vec<u8>,
}

impl Writer {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "seven bits of it are taken at a time"
    )]
    fn number(&mut self, mut number: u32) {
        while number >= 0x80 {
            self.packed.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.packed.push(number as u8);
    }

    fn count(&mut self, count: usize) {
        self.number(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// A character, told by its distance from `other` to either side.
    fn near(&mut self, c: char, other: &mut u32) {
        let signed = i64::from(u32::from(c)) - i64::from(*other);
        *other = u32::from(c);
        let distance = (signed << 1) ^ (signed >> 63);
        self.number(u32::try_from(distance).unwrap_or(u32::MAX));
    }

    /// Stretches of characters of which `value` says the same, but for those of which it says 0.
    fn runs(&mut self, value: fn(char) -> u8) {
        let mut runs: Vec<(u32, u32, u8)> = Vec::new();
        for c in characters() {
            let (at, value) = (u32::from(c), value(c));
            match runs.last_mut() {
                Some(run) if run.1 == at && run.2 == value => run.1 = at + 1,
                _ if value != 0 => runs.push((at, at + 1, value)),
                _ => {}
            }
        }
        self.count(runs.len());
        let mut before = 0;
        for (start, end, value) in runs {
            self.number(start - before);
            self.number(end - start);
            self.number(value.into());
            before = end;
        }
    }

    fn decompositions(&mut self, table: &[(char, Vec<char>)]) {
        let (mut from, mut first) = (0, 0);
        self.count(table.len());
        for (c, parts) in table {
            self.near(*c, &mut from);
            self.count(parts.len());
            let mut last = first;
            for (place, part) in parts.iter().enumerate() {
                self.near(*part, &mut last);
                if place == 0 {
                    first = last;
                }
            }
        }
    }

    /// Every pair that composes: both are parts of something, or have parts themselves.
    fn compositions(&mut self, canonical: &[(char, Vec<char>)]) {
        let candidates: BTreeSet<char> = canonical
            .iter()
            .flat_map(|(c, parts)| parts.iter().chain([c]))
            .copied()
            .collect();
        let mut found = Vec::new();
        for first in &candidates {
            for second in &candidates {
                if let Some(whole) = compose(*first, *second).filter(|whole| !is_hangul(*whole)) {
                    found.push((*first, *second, whole));
                }
            }
        }
        self.count(found.len());
        let (mut first, mut second, mut whole) = (0, 0, 0);
        for (a, b, c) in found {
            self.near(a, &mut first);
            self.near(b, &mut second);
            self.near(c, &mut whole);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use unicode_normalization_alignments::char::{
        canonical_combining_class, compose, is_combining_mark,
    };

    use super::{canonical, characters, compatible, is_hangul, packed, packed::Tables};

    #[test]
    fn the_small_tables_say_of_every_character_what_the_large_say() {
        let packed = packed();
        assert!(packed.len() < 40_000, "{} bytes", packed.len());
        let tables = Tables::read(&packed);
        let mut decomposed = 0;
        for c in characters() {
            assert_eq!(tables.class(c), canonical_combining_class(c), "{c:?}");
            assert_eq!(tables.is_mark(c), is_combining_mark(c), "{c:?}");
            let canonical = canonical(c).map(|(_, parts)| parts);
            assert_eq!(
                tables.canonical(c).map(<[char]>::to_vec),
                canonical,
                "{c:?}"
            );
            let compatible = compatible(c).map(|(_, parts)| parts);
            assert_eq!(
                tables.compatible(c).map(<[char]>::to_vec),
                compatible,
                "{c:?}"
            );
            decomposed += usize::from(canonical.is_some());
        }
        assert!(decomposed > 2000);
    }

    /// What follows in a composition stands in one of the tables, so that all other pairs have none.
    #[test]
    fn the_small_tables_compose_what_the_large_compose() {
        let tables = Tables::read(&packed());
        let follows: BTreeSet<char> = characters()
            .filter_map(canonical)
            .filter(|(_, parts)| parts.len() > 1)
            .filter_map(|(_, parts)| parts.last().copied())
            .chain(['a', '\u{11a8}', '\u{4e00}'])
            .collect();
        let mut composed = 0;
        for first in characters() {
            for second in &follows {
                let whole = compose(first, *second).filter(|whole| !is_hangul(*whole));
                assert_eq!(
                    tables.composition(first, *second),
                    whole,
                    "{first:?} {second:?}"
                );
                composed += usize::from(whole.is_some());
            }
        }
        assert!(composed > 900);
    }
}
