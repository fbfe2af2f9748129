//! Kinds of instructions, by mnemonic.

use serde::{Deserialize, Serialize};

/// A kind of instruction of AMD's GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Fused multiply-adds.
    Fma,
    /// Dot products, of integers too.
    Dot,
    /// Float products.
    Mul,
    /// Float sums.
    Add,
    /// Conversions.
    Convert,
    /// And, or, shifts, bit fields, bytes in another order.
    Bits,
    /// Integer sums and products: addresses, mostly.
    Integer,
    /// Copies and choices.
    Move,
    /// Comparisons.
    Compare,
    /// Exponentials, reciprocals and the like, which take four times as long.
    Special,
    /// From one lane to another.
    CrossLane,
    /// Loads from buffers and textures.
    Load,
    /// Stores to them.
    Store,
    /// Loads from workgroup memory.
    LoadShared,
    /// Stores to it.
    StoreShared,
    /// Spilled registers, and arrays with dynamic indices.
    Scratch,
    /// Loads that all lanes have together.
    LoadScalar,
    /// Arithmetic that all lanes have together: loop counters, branches.
    Scalar,
    /// Waits and hints.
    Wait,
    /// Barriers.
    Barrier,
    /// The rest.
    Other,
}

/// Prefixes of instructions, the more specific first.
const BEGINNINGS: &[(Kind, &str)] = &[
    (Kind::Scratch, "scratch_"),
    (
        Kind::Wait,
        "s_wait s_delay_alu s_clause s_nop s_sleep s_set",
    ),
    (Kind::Barrier, "s_barrier"),
    (Kind::LoadScalar, "s_load s_buffer_load"),
    (Kind::Scalar, "s_"),
    (
        Kind::CrossLane,
        "ds_bpermute ds_permute ds_swizzle v_permlane v_read v_writelane",
    ),
    (Kind::LoadShared, "ds_load ds_read"),
    (Kind::StoreShared, "ds_"),
    (
        Kind::Load,
        "buffer_load global_load flat_load image_load image_sample",
    ),
    (Kind::Store, "buffer_ global_ flat_ image_"),
    (Kind::Dot, "v_dot v_dual_dot"),
    (
        Kind::Fma,
        "v_fma v_mac_f v_mad_f v_mad_mix v_pk_fma v_dual_fma v_wmma",
    ),
    (Kind::Mul, "v_mul_f v_mul_legacy v_pk_mul_f v_dual_mul"),
    (
        Kind::Add,
        "v_add_f v_sub_f v_subrev_f v_pk_add_f v_dual_add_f v_dual_sub",
    ),
    (Kind::Convert, "v_cvt"),
    (
        Kind::Special,
        "v_exp v_rcp v_log v_sqrt v_rsq v_sin v_cos v_ldexp v_frexp",
    ),
    (Kind::Compare, "v_cmp"),
    (
        Kind::Move,
        "v_mov v_cndmask v_swap v_dual_mov v_dual_cndmask v_accvgpr",
    ),
    (Kind::Integer, "v_lshl_add"),
    (
        Kind::Bits,
        "v_and v_or v_xor v_not v_lshl v_lshr v_ashr v_bf",
    ),
    (
        Kind::Bits,
        "v_perm v_align v_pack v_dual_and v_dual_lshl v_pk_lshl v_pk_lshr v_pk_ashr",
    ),
    (
        Kind::Integer,
        "v_add v_sub v_mul v_mad v_min_u v_max_u v_min_i",
    ),
    (
        Kind::Integer,
        "v_max_i v_xad v_dual_add v_pk_add v_pk_sub v_pk_mul v_pk_mad",
    ),
];

impl Kind {
    /// Of an instruction, which may be one half of a pair that is issued together.
    pub fn of(instruction: &str) -> Self {
        let name = instruction.split_whitespace().next().unwrap_or_default();
        let crosses = name.ends_with("_dpp") || name.ends_with("_dpp8");
        if crosses && !name.starts_with("v_mov") {
            return Self::CrossLane;
        }
        let begins =
            |(_, all): &&(Self, &str)| all.split(' ').any(|beginning| name.starts_with(beginning));
        BEGINNINGS
            .iter()
            .find(begins)
            .map_or(Self::Other, |(kind, _)| *kind)
    }

    /// In words, of several.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fma => "fused",
            Self::Dot => "dot products",
            Self::Mul => "products",
            Self::Add => "sums",
            Self::Convert => "conversions",
            Self::Bits => "bits",
            Self::Integer => "integer",
            Self::Move => "moves",
            Self::Compare => "comparisons",
            Self::Special => "special",
            Self::CrossLane => "across lanes",
            Self::Load => "loads",
            Self::Store => "stores",
            Self::LoadShared => "shared loads",
            Self::StoreShared => "shared stores",
            Self::Scratch => "scratch",
            Self::LoadScalar => "scalar loads",
            Self::Scalar => "scalar",
            Self::Wait => "waits",
            Self::Barrier => "barriers",
            Self::Other => "others",
        }
    }

    /// Whether each lane does it: what takes the time of the vector units.
    pub fn is_vector(self) -> bool {
        self < Self::Load
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_of_all_generations_are_distinguished() {
        for (instruction, kind) in [
            ("v_fmac_f32_e32 v7, v22, v12", Kind::Fma),
            ("v_mac_f32_e32 v7, v22, v12", Kind::Fma),
            ("v_fma_mix_f32 v3, v5, v4, v3", Kind::Fma),
            ("v_pk_fma_f16 v3, v5, v4, v3", Kind::Fma),
            ("v_dot4_i32_iu8 v1, v2, v3, v4", Kind::Dot),
            ("v_dot4c_i32_i8 v1, v2, v3", Kind::Dot),
            ("v_cvt_f32_ubyte0_e32 v7, v6", Kind::Convert),
            ("v_mul_lo_u32 v4, 0x2400, v2", Kind::Integer),
            ("v_mul_f32_e32 v7, v7, v12", Kind::Mul),
            ("v_lshl_add_u32 v1, s3, 5, v1", Kind::Integer),
            ("v_lshrrev_b32_e32 v8, 4, v8", Kind::Bits),
            (
                "v_add_f32_dpp v2, v2, v2 quad_perm:[1,0,3,2]",
                Kind::CrossLane,
            ),
            (
                "buffer_load_dwordx4 v[8:11], v5, s[12:15], 0 offen",
                Kind::Load,
            ),
            ("buffer_store_b32 v0, v1, s[0:3], 0 offen", Kind::Store),
            ("ds_read_b128 v[0:3], v4", Kind::LoadShared),
            ("ds_store_b32 v2, v3", Kind::StoreShared),
            ("s_load_b128 s[0:3], s[2:3], 0x20", Kind::LoadScalar),
            ("s_waitcnt vmcnt(0)", Kind::Wait),
            ("s_cbranch_scc0 BB25", Kind::Scalar),
            ("scratch_load_b32 v1, off, s0", Kind::Scratch),
        ] {
            assert_eq!(Kind::of(instruction), kind, "{instruction}");
        }
        assert!(Kind::Dot.is_vector() && !Kind::Load.is_vector() && !Kind::Wait.is_vector());
    }
}
