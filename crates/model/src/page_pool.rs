use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The allocator of KV cache pages, with reference counts.
#[derive(Clone, Default)]
pub struct PagePool {
    /// How many sequences hold each page.
    holders: Vec<u32>,
    /// Free pages. The lowest is taken first, which keeps the pages of a sequence close together.
    free: BinaryHeap<Reverse<u32>>,
}

impl PagePool {
    /// A pool of free pages.
    pub fn new(pages: u32) -> Self {
        let mut pool = Self::default();
        pool.grow(pages);
        pool
    }

    /// Adds free pages, up to `pages` in total.
    pub fn grow(&mut self, pages: u32) {
        let first = self.capacity();
        self.free.extend((first..pages).map(Reverse));
        self.holders.resize(pages.max(first) as usize, 0);
    }

    /// Pages in total.
    pub fn capacity(&self) -> u32 {
        self.holders.len() as u32
    }

    /// Pages that sequences hold.
    pub fn taken(&self) -> u32 {
        self.capacity() - self.free.len() as u32
    }

    /// Takes a page for one sequence; `None` if all are taken.
    pub fn take(&mut self) -> Option<u32> {
        let Reverse(page) = self.free.pop()?;
        self.holders[page as usize] = 1;
        Some(page)
    }

    /// Adds a holder to a page.
    pub fn share(&mut self, page: u32) {
        self.holders[page as usize] += 1;
    }

    /// Whether several sequences hold a page.
    pub fn is_shared(&self, page: u32) -> bool {
        self.holders[page as usize] > 1
    }

    /// Removes a holder from a page, which is free after the last one.
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
