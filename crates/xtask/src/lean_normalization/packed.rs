// The tables of Unicode normalization, packed: numbers of seven bits a byte, each the distance from
// the one before. In the browser this file is a module of `unicode-normalization-alignments`.

/// Code points from the first up to the one after the last, and what they have.
type Run = (u32, u32, u8);

/// What the packed bytes say.
pub struct Tables {
    classes: Vec<Run>,
    marks: Vec<Run>,
    canonical: Vec<(char, &'static [char])>,
    compatible: Vec<(char, &'static [char])>,
    compositions: Vec<((char, char), char)>,
}

impl Tables {
    /// Reads what `lean_normalization.rs` wrote.
    pub fn read(packed: &[u8]) -> Tables {
        let mut reader = Reader { packed };
        Tables {
            classes: reader.runs(),
            marks: reader.runs(),
            canonical: reader.decompositions(),
            compatible: reader.decompositions(),
            compositions: reader.compositions(),
        }
    }

    /// The canonical combining class.
    pub fn class(&self, c: char) -> u8 {
        run(&self.classes, c)
    }

    /// Whether the general category is Mark.
    pub fn is_mark(&self, c: char) -> bool {
        run(&self.marks, c) != 0
    }

    /// The full canonical decomposition.
    pub fn canonical(&self, c: char) -> Option<&'static [char]> {
        find(&self.canonical, c)
    }

    /// The full compatibility decomposition, where it is another than the canonical.
    pub fn compatible(&self, c: char) -> Option<&'static [char]> {
        find(&self.compatible, c)
    }

    /// The primary composite of two characters.
    pub fn composition(&self, first: char, second: char) -> Option<char> {
        find(&self.compositions, (first, second))
    }
}

fn run(runs: &[Run], c: char) -> u8 {
    let at = runs.partition_point(|run| run.1 <= c as u32);
    match runs.get(at) {
        Some(run) if run.0 <= c as u32 => run.2,
        _ => 0,
    }
}

fn find<K: Ord + Copy, V: Copy>(table: &[(K, V)], key: K) -> Option<V> {
    let at = table.binary_search_by_key(&key, |entry| entry.0).ok()?;
    Some(table[at].1)
}

struct Reader<'a> {
    packed: &'a [u8],
}

impl<'a> Reader<'a> {
    fn number(&mut self) -> u32 {
        let mut number = 0;
        let mut shift = 0;
        while let Some((byte, rest)) = self.packed.split_first() {
            self.packed = rest;
            number |= u32::from(byte & 0x7f) << shift;
            shift += 7;
            if *byte < 0x80 {
                break;
            }
        }
        number
    }

    /// A character, told by its distance from another to either side.
    fn near(&mut self, other: &mut u32) -> char {
        let distance = self.number();
        let signed = (distance >> 1) ^ (distance & 1).wrapping_neg();
        *other = other.wrapping_add(signed);
        char::from_u32(*other).unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    fn runs(&mut self) -> Vec<Run> {
        let mut end = 0;
        (0..self.number())
            .map(|_| {
                let start = end + self.number();
                end = start + self.number();
                (start, end, self.number() as u8)
            })
            .collect()
    }

    fn decompositions(&mut self) -> Vec<(char, &'static [char])> {
        let (mut from, mut first) = (0, 0);
        (0..self.number())
            .map(|_| {
                let c = self.near(&mut from);
                let length = self.number();
                let start = self.near(&mut first);
                let mut last = first;
                let mut parts = vec![start];
                parts.extend((1..length).map(|_| self.near(&mut last)));
                // Once in the life of a program.
                let parts: &'static [char] = Box::leak(parts.into_boxed_slice());
                (c, parts)
            })
            .collect()
    }

    fn compositions(&mut self) -> Vec<((char, char), char)> {
        let (mut first, mut second, mut whole) = (0, 0, 0);
        (0..self.number())
            .map(|_| {
                let first = self.near(&mut first);
                let second = self.near(&mut second);
                ((first, second), self.near(&mut whole))
            })
            .collect()
    }
}
