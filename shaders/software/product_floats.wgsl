// A block of x as floats, for `software/matmul`.
#import pairs, norm

// By what the bytes of a word come out too large in `software/numbers`, and which of them have a minimum.
const PLACES: vec4<f32> = vec4<f32>(0x1p0, 0x1p-8, 0x1p-16, 0x1p-24);
const SUMMED: vec4<f32> = select(vec4<f32>(1.0), vec4<f32>(1.0, 1.0, 1.0, 0.0), CENTRE > 0.0);

// 32 values of a token, in their places if the weights are, and the sums of their halves.
struct XBlock { values: array<vec4<f32>, 8>, sums: vec2<f32> }

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

// The same, as `norm` has it, but for the token's factor.
fn load_quad(token: u32, col: u32, i: u32, is_first_group: bool) -> vec4<f32> {
    return normed(x_quad(token, i), token, col, i, is_first_group);
}

#if SHARED_X
// The lanes are a subgroup: each loads some of a block, and all have it from there.
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
    let in_place = array<vec4<f32>, 8>(
    #for q in 8
        quads[$q] * PLACES,
    #end
    );
    return XBlock(in_place, vec2<f32>(dot(low, SUMMED), dot(high, SUMMED)));
}

// Σ w · x over a block.
fn product(b: Block, x: XBlock) -> f32 {
    let w = values(b, 0u);
    let v = values(b, 1u);
    let low = dot(w[0], x.values[0]) + dot(w[1], x.values[1]) + dot(w[2], x.values[2]) + dot(w[3], x.values[3]);
    let high = dot(v[0], x.values[4]) + dot(v[1], x.values[5]) + dot(v[2], x.values[6]) + dot(v[3], x.values[7]);
    if (!SCALED) {
        return low + high;
    }
    let a = affine(b, 0u);
    if (!HALF_SCALES) {
        return a.x * (low + high) + a.y * (x.sums.x + x.sums.y);
    }
    let c = affine(b, 1u);
    return (a.x * low + a.y * x.sums.x) + (c.x * high + c.y * x.sums.y);
}
