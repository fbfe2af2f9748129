// y[t, r] = Σ_k W[r, k] · x[t, k] on software adapters (lavapipe, SwiftShader). An invocation is a lane of a
// processor's vector, a workgroup is one vector, and a load costs most: a lane owns LANE_ROWS rows for COLS
// tokens, which share what it loads of x.
//
// With SHARED_X the lanes are one subgroup: each loads some of a block of x, and all have it from there.
#import format
#import x
#import product
#import epilogue

// [rows of all parts of W]
@binding(bias) var<storage, read> bias: array<f32>;

const ROWS: u32 = LANES * LANE_ROWS;
const SPAN: u32 = ROWS / 2u;
#if SCALES_OF_ROWS
// Rows of a lane are LANES apart, those whose scales are a texel 8.
const TURNS: u32 = 8u / LANES;
#end

// [ROWS]
var<workgroup> totals: array<f32, ROWS>;

fn four_totals(at: u32) -> vec4<f32> {
    return vec4<f32>(totals[at], totals[at + 1u], totals[at + 2u], totals[at + 3u]);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_token = group.y * COLS;
    var starts: array<RowStart, LANE_ROWS>;
#for r in LANE_ROWS
    let row_$r = row_at(group.x, $ru * LANES + lane);
    starts[$r] = row_start(row_$r);
    #for c in COLS
    var sum_$r_$c = 0.0;
    #end
#end
    for (var block = 0u; block < K_BLOCKS; block++) {
#for c in COLS
        let x_$c = load_x(first_token + $cu, $cu, block, lane, group.x == 0u);
#end
#if SCALES_OF_ROWS
        var texels: array<vec4<u32>, LANE_ROWS / 4u>;
    #for t in SCALE_TEXELS
        texels[$t] = scale_texel(scale_at(starts[($tu / TURNS) * 4u * TURNS + $tu % TURNS], block));
    #end
#end
#for r in LANE_ROWS
        var b_$r = load_block(starts[$r], block);
    #if SCALES_OF_ROWS
        b_$r.scale = texels[($ru / (4u * TURNS)) * TURNS + $ru % TURNS][($ru / TURNS) % 4u];
    #end
    #for c in COLS
        sum_$r_$c += product(b_$r, x_$c);
    #end
#end
    }
#for c in COLS
    #if NORM
    let factor_$c = inverseSqrt(all_squares($cu) / f32(NORM_N) + NORM_EPS);
    #end
    #for r in LANE_ROWS
        #if NORM
    sum_$r_$c *= factor_$c;
        #end
        #if BIAS
    sum_$r_$c += bias[ROW_START + row_$r];
        #end
    totals[$ru * LANES + lane] = sum_$r_$c;
    #end
    workgroupBarrier();
    for (var octet = lane; octet < ROWS / 8u; octet += LANES) {
        let low = four_totals(octet_row(octet, 0u));
        finish(group.x, octet, first_token + $cu, low, four_totals(octet_row(octet, 1u)));
    }
    // The next token's sums take the same place.
    workgroupBarrier();
#end
}
