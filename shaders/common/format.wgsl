// How 32 weights of a row, a block, become vec4<f32>s. A block is STEPS steps; a step is one RAW
// and QUADS vec4<f32>: `unpack_p` gives weights 4p … 4p + 3 of its step, and `bytes_p`, where they are no
// floats, their numbers before they are scaled as bytes of a word. `packed.rs` writes what
// this reads, `cpu/format.rs` is its twin. The signed conversions are exact here and cheaper than
// unsigned ones where a processor plays the GPU.
#if RAW1
alias RAW = u32;
#end
#if RAW2
alias RAW = vec2<u32>;
#end
#if RAW4
alias RAW = vec4<u32>;
#end

fn whole(bytes: u32) -> vec4<f32> {
    return vec4<f32>(bitcast<vec4<i32>>(unpack4xU8(bytes)));
}

#if F32
fn unpack_0(raw: RAW) -> vec4<f32> { return bitcast<vec4<f32>>(raw); }
#end
#if F16
fn unpack_0(raw: RAW) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(raw.x), unpack2x16float(raw.y));
}
fn unpack_1(raw: RAW) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(raw.z), unpack2x16float(raw.w));
}
#end
#if BF16
// The upper halves of f32s.
fn upper(low: u32, high: u32) -> vec4<f32> {
    let bits = vec4<u32>(low << 16u, low & 0xFFFF0000u, high << 16u, high & 0xFFFF0000u);
    return bitcast<vec4<f32>>(bits);
}
fn unpack_0(raw: RAW) -> vec4<f32> { return upper(raw.x, raw.y); }
fn unpack_1(raw: RAW) -> vec4<f32> { return upper(raw.z, raw.w); }
#end
#if IN_PLACE
// Shifts are dear where a processor plays the GPU: weight j of a word's four stays in its byte, and so
// comes out 2^8j times too large. PLACES, by which the other factor is multiplied, makes up for it
// exactly.
const PLACES: vec4<f32> = vec4<f32>(0x1p0, 0x1p-8, 0x1p-16, 0x1p-24);
#end
#if BYTES
// Only the highest byte has its sign where a word has it: the others come out LIFT too large.
const LIFT: vec4<f32> = vec4<f32>(128.0, 128.0, 128.0, 0.0);
fn in_place(bytes: u32) -> vec4<f32> {
    let each = vec4<u32>(bytes ^ 0x00808080u) & vec4<u32>(0xFFu, 0xFF00u, 0xFF0000u, 0xFF000000u);
    return vec4<f32>(bitcast<vec4<i32>>(each));
}
#for p in 4
fn unpack_$p(raw: RAW) -> vec4<f32> { return in_place(raw[$p]); }
fn bytes_$p(raw: RAW) -> u32 { return raw[$p]; }
#end
#end
#if NIBBLES
// As in ggml's 4-bit blocks: byte i holds weight i below and weight i + 16 above.
#for p in 4
fn low_$p(raw: RAW) -> u32 { return raw[$p] & 0x0F0F0F0Fu; }
#end
fn low_4(raw: RAW) -> u32 { return low_0(raw >> vec4<u32>(4u)); }
fn low_5(raw: RAW) -> u32 { return low_1(raw >> vec4<u32>(4u)); }
fn low_6(raw: RAW) -> u32 { return low_2(raw >> vec4<u32>(4u)); }
fn low_7(raw: RAW) -> u32 { return low_3(raw >> vec4<u32>(4u)); }
#if HIGH
// The fifth bit of weight 4p + j is bit 8j + p of a word that lies with the scales.
#for p in 8
fn bytes_$p(raw: RAW, high: u32) -> u32 {
    return low_$p(raw) | (((high >> $pu) & 0x01010101u) << 4u);
}
#end
#else
fn in_place(bytes: u32) -> vec4<f32> {
    let each = vec4<u32>(bytes) & vec4<u32>(0x0Fu, 0x0F00u, 0x0F0000u, 0x0F000000u);
    return vec4<f32>(bitcast<vec4<i32>>(each));
}
#for p in 4
fn unpack_$p(raw: RAW) -> vec4<f32> { return in_place(raw[$p]); }
#end
fn unpack_4(raw: RAW) -> vec4<f32> { return in_place(raw[0] >> 4u); }
fn unpack_5(raw: RAW) -> vec4<f32> { return in_place(raw[1] >> 4u); }
fn unpack_6(raw: RAW) -> vec4<f32> { return in_place(raw[2] >> 4u); }
fn unpack_7(raw: RAW) -> vec4<f32> { return in_place(raw[3] >> 4u); }
#for p in 8
fn bytes_$p(raw: RAW) -> u32 { return low_$p(raw); }
#end
#end
#if HIGH
fn high_0(at: u32) -> u32 { return scale_word(at); }
#end
#end
#if Q2K
#for p in 4
fn bytes_$p(raw: RAW) -> u32 { return (raw >> (2u * $pu)) & 0x03030303u; }
fn unpack_$p(raw: RAW) -> vec4<f32> { return whole(bytes_$p(raw)); }
#end
#end
#if Q3K
// The third bit of weight 4p + j of step v is bit 8j + 4v + p of the block's word.
#for p in 4
fn bytes_$p(raw: RAW, high: u32) -> u32 {
    let low = (raw >> (2u * $pu)) & 0x03030303u;
    return low | (((high >> $pu) & 0x01010101u) << 2u);
}
#end
fn high_0(at: u32) -> u32 { return scale_word(at); }
fn high_1(at: u32) -> u32 { return scale_word(at) >> 4u; }
#end
#if Q6K
// Byte i of a step holds weight i below and weight i + 8 above; bits 5 and 6 of weight 4p + j are
// bits 8j + 2p and 8j + 2p + 1 of the step's word.
fn low_0(raw: RAW) -> u32 { return raw.x & 0x0F0F0F0Fu; }
fn low_1(raw: RAW) -> u32 { return raw.y & 0x0F0F0F0Fu; }
fn low_2(raw: RAW) -> u32 { return (raw.x >> 4u) & 0x0F0F0F0Fu; }
fn low_3(raw: RAW) -> u32 { return (raw.y >> 4u) & 0x0F0F0F0Fu; }
#for p in 4
fn bytes_$p(raw: RAW, high: u32) -> u32 {
    return low_$p(raw) | (((high >> (2u * $pu)) & 0x03030303u) << 4u);
}
#end
fn high_0(at: u32) -> u32 { return scale_word(at); }
fn high_1(at: u32) -> u32 { return scale_word(at + 32u); }
#end
#if HIGH
#for p in QUADS
fn unpack_$p(raw: RAW, high: u32) -> vec4<f32> { return whole(bytes_$p(raw, high)); }
#end
#end

#if X_SUMS
// What of x is summed up beside the products: all of it, for the minimums, or what lifted bytes have
// too much.
#if LIFTED
const X_SUM: vec4<f32> = -LIFT;
#else
const X_SUM: vec4<f32> = vec4<f32>(1.0);
#end
#end

// GROUP blocks share GROUP_WORDS words of `scales`. The first is the group's (scale, minimum):
// w = scale · q + minimum.
#if SCALES
fn group_scale(word: u32) -> vec2<f32> {
#if ROW_SCALE
    return vec2<f32>(bitcast<f32>(word), 0.0);
#else
    let pair = unpack2x16float(word);
#if SUPER
#if OFFSET
    return pair.xx;
#else
    return vec2<f32>(pair.x, -pair.y);
#end
#else
    return pair;
#end
#end
}
#end
#if SUPER
// Each block of a group has 16 bits more, from word 1 on: small factors of its steps' scales and
// minimums. `at` is the place of the group's first word.
fn step_scales(at: u32, block: u32) -> u32 {
    return scale_word(at + (1u + block / 2u) * 32u) >> (16u * (block % 2u));
}
#for v in STEPS
#if Q2K
fn step_scale_$v(pair: u32) -> vec2<f32> {
    return vec2<f32>(vec2<u32>(pair >> (8u * $vu), pair >> (8u * $vu + 4u)) & vec2<u32>(15u));
}
#else
#if OFFSET
// w = d · s · (q - OFFSET)
fn step_scale_$v(pair: u32) -> vec2<f32> {
    let s = f32(extractBits(bitcast<i32>(pair), 8u * $vu, 8u));
    return vec2<f32>(s, s * -f32(ZERO));
}
#else
fn step_scale_$v(pair: u32) -> vec2<f32> {
    return vec2<f32>(vec2<u32>(pair, pair >> 8u) & vec2<u32>(255u));
}
#end
#end
#end
#end

// Rows lie in tiles of 32, so that neighbouring lanes read neighbouring RAWs. These are the places
// of a row's first RAW and of its first scale; the next of either is 32 further.
fn first_raw(row: u32) -> u32 { return (row / 32u) * K_BLOCKS * STEPS * 32u + row % 32u; }
#if SCALES
fn first_scale(row: u32) -> u32 { return (row / 32u) * K_GROUPS * GROUP_WORDS * 32u + row % 32u; }
#end
