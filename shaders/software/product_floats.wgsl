// A block of x as floats, for `software/matmul`.
#import pairs, norm

// 32 values of a token, and the sums of their halves.
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
    var quads: array<vec4<f32>, 8>;
    #for s in SHARED_QUADS
    let mine_$s = load_quad(token, col, block * 8u + $su * LANES + lane, is_first_group);
    #end
    #for s in SHARED_QUADS, l in LANES
    quads[$su * LANES + $lu] = subgroupBroadcast(mine_$s, $lu);
    #end
    return quads;
}
#else
fn across_lanes(mine: f32) -> f32 { return mine; }
fn load_quads(token: u32, col: u32, block: u32, lane: u32, is_first_group: bool) -> array<vec4<f32>, 8> {
    var quads: array<vec4<f32>, 8>;
    #for q in 8
    quads[$q] = load_quad(token, col, block * 8u + $qu, is_first_group && lane == 0u);
    #end
    return quads;
}
#end

fn load_x(token: u32, col: u32, block: u32, lane: u32, is_first_group: bool) -> XBlock {
    var x: XBlock;
    x.values = load_quads(token, col, block, lane, is_first_group);
    if (SCALED) {
        let low = (x.values[0] + x.values[1]) + (x.values[2] + x.values[3]);
        let high = (x.values[4] + x.values[5]) + (x.values[6] + x.values[7]);
        x.sums = vec2<f32>(dot(low, vec4<f32>(1.0)), dot(high, vec4<f32>(1.0)));
    }
    return x;
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
