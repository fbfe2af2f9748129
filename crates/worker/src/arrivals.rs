//! The downloaded bytes of a model's weights.

use std::ops::Range;

use vitrine_protocol::Arrived;

/// Tensors begin at multiples of this; the gaps are never read.
const PADDING: u64 = 64;

/// Disjoint ranges of downloaded bytes, in order.
#[derive(Clone, Debug, Default)]
pub struct Arrivals(Vec<Arrived>);

impl Arrivals {
    /// Adds a range of a file.
    pub fn add(&mut self, file: u32, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let mut new = Arrived {
            file,
            start: range.start,
            end: range.end,
        };
        self.0.retain(|old| {
            let touches = old.file == file
                && old.start <= new.end.saturating_add(PADDING)
                && new.start <= old.end.saturating_add(PADDING);
            if touches {
                new.start = new.start.min(old.start);
                new.end = new.end.max(old.end);
            }
            !touches
        });
        let at = self
            .0
            .partition_point(|old| (old.file, old.start) < (file, new.start));
        self.0.insert(at, new);
    }

    /// Removes a range of a file.
    pub fn remove(&mut self, file: u32, range: Range<u64>) {
        let mut left = Vec::with_capacity(self.0.len() + 1);
        for old in self.0.drain(..) {
            if old.file != file {
                left.push(old);
                continue;
            }
            let (start, end) = (old.end.min(range.start), old.start.max(range.end));
            if old.start < start {
                left.push(Arrived { end: start, ..old });
            }
            if end < old.end {
                left.push(Arrived { start: end, ..old });
            }
        }
        self.0 = left;
    }

    /// All of it.
    pub fn all(&self) -> &[Arrived] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Arrivals;

    fn ranges(arrivals: &Arrivals) -> Vec<(u32, u64, u64)> {
        let all = arrivals.all().iter();
        all.map(|it| (it.file, it.start, it.end)).collect()
    }

    #[test]
    fn neighbours_become_one() {
        let mut arrivals = Arrivals::default();
        arrivals.add(0, 1000..2000);
        arrivals.add(1, 0..10);
        arrivals.add(0, 5000..6000);
        arrivals.add(0, 0..0);
        assert_eq!(
            ranges(&arrivals),
            [(0, 1000, 2000), (0, 5000, 6000), (1, 0, 10)]
        );
        arrivals.add(0, 2010..3000);
        assert_eq!(
            ranges(&arrivals),
            [(0, 1000, 3000), (0, 5000, 6000), (1, 0, 10)]
        );
        arrivals.add(0, 2500..5000);
        assert_eq!(ranges(&arrivals), [(0, 1000, 6000), (1, 0, 10)]);
    }

    #[test]
    fn what_broke_off_is_gone() {
        let mut arrivals = Arrivals::default();
        arrivals.add(0, 0..4000);
        arrivals.add(1, 0..10);
        arrivals.remove(0, 1000..2000);
        assert_eq!(
            ranges(&arrivals),
            [(0, 0, 1000), (0, 2000, 4000), (1, 0, 10)]
        );
        arrivals.remove(0, 0..9999);
        assert_eq!(ranges(&arrivals), [(1, 0, 10)]);
    }
}
