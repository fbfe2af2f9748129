// A block of x as floats, for `software/matmul`.
#import pairs, norm

// The inverse of how much too large the bytes of a word are in `software/numbers`, and which bytes have a minimum.
const PLACES: vec4<f32> = vec4<f32>(0x1p0, 0x1p-8, 0x1p-16, 0x1p-24);
const SUMMED: vec4<f32> = select(vec4<f32>(1.0), vec4<f32>(1.0, 1.0, 1.0, 0.0), CENTRE > 0.0) / PLACES;

// 32 values of a token, times PLACES for integer weights, and the sums of their halves.
struct XBlock { quads: array<vec4<f32>, 8>, sums: vec2<f32> }

// Four values of a token.
fn x_quad(token: u32, i: u32) -> vec4<f32> {
    let at = token * X_ROW + i;
#if HALF
    let two = x_element(at / 2u);
    return from_quad(select(two.xy, two.zw, at % 2u == 1u));
#else
    return bitcast<vec4<f32>>(x_element(at));
#end
}

// The same as multiplied with weights, without the norm's factor of the token.
fn load_quad(token: u32, col: u32, i: u32, is_first_group: bool) -> vec4<f32> {
    return normed(x_quad(token, i), token, col, i, is_first_group) * select(vec4<f32>(1.0), PLACES, SCALED);
}

#if SHARED_X
// The lanes are a subgroup: each loads a part of a block and shares it with the others.
fn across_lanes(mine: f32) -> f32 { return subgroupAdd(mine); }
fn load_quads(token: u32, col: u32, block: u32, lane: u32, is_first_group: bool) -> array<vec4<f32>, 8> {
    #for s in SHARED_QUADS
    let mine_$s = load_quad(token, col, block * 8u + $su * LANES + lane, is_first_group);
    #end
    return array<vec4<f32>, 8>(
    #for s in SHARED_QUADS, l in LANES
        subgroupBroadcast(mine_$s, $lu),
    #end
    );
}
#else
fn across_lanes(mine: f32) -> f32 { return mine; }
fn load_quads(token: u32, col: u32, block: u32, lane: u32, is_first_group: bool) -> array<vec4<f32>, 8> {
    return array<vec4<f32>, 8>(
    #for q in 8
        load_quad(token, col, block * 8u + $qu, is_first_group && lane == 0u),
    #end
    );
}
#end

fn load_x(token: u32, col: u32, block: u32, lane: u32, is_first_group: bool) -> XBlock {
    let quads = load_quads(token, col, block, lane, is_first_group);
    if (!SCALED) {
        return XBlock(quads, vec2<f32>(0.0));
    }
    let low = (quads[0] + quads[1]) + (quads[2] + quads[3]);
    let high = (quads[4] + quads[5]) + (quads[6] + quads[7]);
    return XBlock(quads, vec2<f32>(dot(low, SUMMED), dot(high, SUMMED)));
}

// Σ w · x over the first half of a block, and over the second.
#for h in 2
fn product_$h(b: Block, x: XBlock) -> f32 {
    let w = values(b, $hu);
    let sum = dot(w[0], x.quads[4 * $h]) + dot(w[1], x.quads[4 * $h + 1])
        + dot(w[2], x.quads[4 * $h + 2]) + dot(w[3], x.quads[4 * $h + 3]);
    if (!SCALED) {
        return sum;
    }
    let a = affine(b, $hu);
    return a.x * sum + a.y * x.sums[$h];
}
#end
