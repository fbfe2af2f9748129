use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Which pages of the KV cache are taken, and by how many sequences.
#[derive(Clone, Default)]
pub struct PagePool {
    /// How many sequences hold each page.
    holders: Vec<u32>,
    /// Those that nobody holds; the lowest is taken first, so that neighbours stay together.
    free: BinaryHeap<Reverse<u32>>,
}

impl PagePool {
    /// A pool of free pages.
    pub fn new(pages: u32) -> Self {
        let mut pool = Self::default();
        pool.grow(pages);
        pool
    }

    /// Adds free pages, up to `pages` in all.
    pub fn grow(&mut self, pages: u32) {
        let first = self.capacity();
        self.free.extend((first..pages).map(Reverse));
        self.holders.resize(pages.max(first) as usize, 0);
    }

    /// Pages in all.
    pub fn capacity(&self) -> u32 {
        self.holders.len() as u32
    }

    /// Pages that somebody holds.
    pub fn taken(&self) -> u32 {
        self.capacity() - self.free.len() as u32
    }

    /// A page for one sequence; none where all are taken.
    pub fn take(&mut self) -> Option<u32> {
        let Reverse(page) = self.free.pop()?;
        self.holders[page as usize] = 1;
        Some(page)
    }

    /// One sequence more holds a page.
    pub fn share(&mut self, page: u32) {
        self.holders[page as usize] += 1;
    }

    /// Whether several hold it.
    pub fn is_shared(&self, page: u32) -> bool {
        self.holders[page as usize] > 1
    }

    /// One sequence less holds a page.
    pub fn release(&mut self, page: u32) {
        let holders = &mut self.holders[page as usize];
        *holders -= 1;
        if *holders == 0 {
            self.free.push(Reverse(page));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PagePool;

    #[test]
    fn a_page_is_free_when_its_last_holder_leaves() {
        let mut pool = PagePool::new(2);
        let page = pool.take();
        assert_eq!((page, pool.taken()), (Some(0), 1));
        pool.share(0);
        assert!(pool.is_shared(0));
        pool.release(0);
        assert!(!pool.is_shared(0));
        assert_eq!((pool.taken(), pool.take(), pool.take()), (1, Some(1), None));
        pool.release(0);
        assert_eq!((pool.taken(), pool.take()), (1, Some(0)));
        pool.grow(4);
        assert_eq!((pool.capacity(), pool.taken()), (4, 2));
        assert_eq!(pool.take(), Some(2));
    }
}
