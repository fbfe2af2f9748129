//! Machine code as text: its blocks, and the loops among them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::mnemonics::Kind;

/// A basic block: consecutive instructions.
#[derive(Debug, Default)]
pub struct Block {
    /// The label before it, or before the block that it follows.
    pub label: String,
    /// The instructions, without their encoding.
    pub instructions: Vec<String>,
    /// Its successors, by index.
    next: Vec<usize>,
}

/// A loop: the blocks from which its head is reached again.
#[derive(Debug)]
pub struct Loop {
    /// The label of its head.
    pub label: String,
    /// Of its instructions that multiply and add, those that are in no loop inside of it.
    pub own_fused: usize,
    /// Instructions in it, those of both sides of each branch and those of loops inside of it once.
    pub instructions: usize,
    /// The same by kind; a dual-issued pair counts as one above and as two here.
    pub mix: BTreeMap<Kind, usize>,
}

impl Loop {
    /// Those that each lane does.
    pub fn vector(&self) -> usize {
        let vector = self.mix.iter().filter(|(kind, _)| kind.is_vector());
        vector.map(|(_, count)| count).sum()
    }
}

/// The blocks of machine code, as LLVM and RADV write it: labels on lines of their own, encodings behind `;`.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut heads = HashMap::new();
    // Of each block, to which label it branches, and whether the next one follows it.
    let mut ends: Vec<(Option<String>, bool)> = Vec::new();
    let mut label = String::new();
    let mut is_open = false;
    for line in text.lines() {
        let code = line.split(';').next().unwrap_or_default().trim();
        let begins = match line.trim_end().strip_suffix(':') {
            Some(name) if !line.starts_with(char::is_whitespace) => {
                name.clone_into(&mut label);
                heads.insert(label.clone(), blocks.len());
                true
            }
            _ if !code.contains('_') => continue,
            _ => !is_open,
        };
        if begins {
            blocks.push(Block {
                label: label.clone(),
                ..Block::default()
            });
            ends.push((None, true));
            is_open = true;
        }
        let (Some(block), Some(end)) = (blocks.last_mut(), ends.last_mut()) else {
            continue;
        };
        if code.is_empty() || code.ends_with(':') {
            continue;
        }
        block.instructions.push(code.to_owned());
        let mut words = code.split_whitespace();
        let name = words.next().unwrap_or_default();
        if name.starts_with("s_branch") || name.starts_with("s_cbranch") {
            *end = (
                words.next().map(str::to_owned),
                name.starts_with("s_cbranch"),
            );
            is_open = false;
        } else if name.starts_with("s_endpgm") || name.starts_with("s_setpc") {
            *end = (None, false);
            is_open = false;
        }
    }
    let last = blocks.len().saturating_sub(1);
    for (at, (target, falls_through)) in ends.into_iter().enumerate() {
        let target = target.and_then(|label| heads.get(&label).copied());
        let follower = (falls_through && at < last).then_some(at + 1);
        blocks[at].next = target.into_iter().chain(follower).collect();
    }
    blocks
}

/// The loops among blocks, in order of their heads. Those with one head are one loop.
pub fn loops(blocks: &[Block]) -> Vec<Loop> {
    let mut before = vec![Vec::new(); blocks.len()];
    for (at, block) in blocks.iter().enumerate() {
        for &next in &block.next {
            before[next].push(at);
        }
    }
    let mut bodies: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (at, block) in blocks.iter().enumerate() {
        // A branch back; drivers lay a loop's head before its body.
        for &head in block.next.iter().filter(|next| **next <= at) {
            let body = bodies.entry(head).or_insert_with(|| BTreeSet::from([head]));
            let mut open = vec![at];
            while let Some(inside) = open.pop() {
                if body.insert(inside) {
                    open.extend(&before[inside]);
                }
            }
        }
    }
    let describe = |(head, body): (&usize, &BTreeSet<usize>)| {
        let inside = bodies
            .iter()
            .filter(|(other, _)| *other != head && body.contains(*other));
        let inside: BTreeSet<usize> = inside.flat_map(|(_, blocks)| blocks).copied().collect();
        let own: BTreeSet<usize> = body.difference(&inside).copied().collect();
        let own_mix = mix(blocks, &own);
        let of = |kind| own_mix.get(&kind).copied().unwrap_or(0);
        let lengths = body.iter().map(|at| blocks[*at].instructions.len());
        Loop {
            label: blocks[*head].label.clone(),
            own_fused: of(Kind::Fma) + of(Kind::Dot),
            instructions: lengths.sum(),
            mix: mix(blocks, body),
        }
    };
    bodies.iter().map(describe).collect()
}

fn mix(blocks: &[Block], of: &BTreeSet<usize>) -> BTreeMap<Kind, usize> {
    let mut mix = BTreeMap::new();
    for instruction in of.iter().flat_map(|at| &blocks[*at].instructions) {
        for half in instruction.split("::") {
            *mix.entry(Kind::of(half.trim())).or_insert(0) += 1;
        }
    }
    mix
}

/// The loop with `fused` fused multiply-adds of its own, not counting inner loops; otherwise the one with most of
/// them. If an inner loop loads data for the loop around it, it is the outer one.
pub fn inner(loops: &[Loop], fused: Option<u32>) -> Option<&Loop> {
    let is_meant = |it: &Loop| fused == Some(it.own_fused as u32);
    loops.iter().max_by_key(|it| {
        (
            is_meant(it),
            it.own_fused,
            std::cmp::Reverse(it.instructions),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTED: &str = "BB0:\n\tv_mov_b32_e32 v3, 0   ; 7e060280\nBB1:\n\ts_cmp_eq_i32 s1, 0\n\t\
        s_cbranch_scc1 BB9\nBB2:\n\tv_fmac_f32_e32 v7, v22, v12\n\tv_dual_fmac_f32 v1, v2, v3 :: v_dual_mul_f32 v4, v5, v6\n\t\
        s_cbranch_scc0 BB2\n\tv_add_f32_e32 v1, v1, v2\n\ts_branch BB1\nBB9:\n\ts_endpgm\n";

    #[test]
    fn loops_are_found_with_what_is_in_them() {
        let blocks = blocks(NESTED);
        let labels: Vec<_> = blocks.iter().map(|block| block.label.as_str()).collect();
        // A branch ends a block, whether a label follows or not.
        assert_eq!(labels, ["BB0", "BB1", "BB2", "BB2", "BB9"]);
        let loops = loops(&blocks);
        assert_eq!(loops.len(), 2);
        assert_eq!((loops[0].own_fused, loops[0].instructions), (0, 7));
        let most = inner(&loops, None).unwrap();
        assert_eq!((most.label.as_str(), most.instructions), ("BB2", 3));
        assert_eq!((most.own_fused, most.mix[&Kind::Mul]), (2, 1));
        assert_eq!(most.vector(), 3);
        for (fused, label) in [(2, "BB2"), (0, "BB1"), (5, "BB2")] {
            assert_eq!(inner(&loops, Some(fused)).unwrap().label, label);
        }
    }

    #[test]
    fn code_without_a_loop_has_none() {
        assert!(loops(&blocks("BB0:\n\tv_mov_b32_e32 v3, 0\n\ts_endpgm\n")).is_empty());
    }
}
