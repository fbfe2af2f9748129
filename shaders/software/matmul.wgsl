// y[t, r] = Σ_k W[r, k] · x[t, k] on software adapters (lavapipe, SwiftShader). An invocation is a lane of a
// processor's vector, a workgroup is one vector, and a load costs most: a lane owns LANE_ROWS rows for COLS
// tokens, which share what it loads of x.
//
// Units as in `matmul/vec`; `product` loads a block of x and multiplies it, `row_scales` may load scales of several rows
// at once.
#import format, x, product, row_scales, bias, epilogue

const ROWS: u32 = LANES * LANE_ROWS;
const SPAN: u32 = ROWS / 2u;

// [ROWS]
var<workgroup> totals: array<f32, ROWS>;

fn four_totals(at: u32) -> vec4<f32> {
    return vec4<f32>(totals[at], totals[at + 1u], totals[at + 2u], totals[at + 3u]);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_token = group.y * COLS;
#for r in LANE_ROWS
    let row_$r = row_at(group.x, $ru * LANES + lane);
#end
    let starts = array<RowStart, LANE_ROWS>(
#for r in LANE_ROWS
        row_start(row_$r),
#end
    );
#for r in LANE_ROWS, c in COLS
    var sum_$r_$c = 0.0;
#end
    for (var block = 0u; block < K_BLOCKS; block++) {
#for c in COLS
        let x_$c = load_x(first_token + $cu, $cu, block, lane, group.x == 0u);
#end
        let scales = load_scales(starts, block);
#for r in LANE_ROWS
        // The texel of its scale, and the word of that.
        let b_$r = with_row_scale(
            load_block(starts[$r], block), scales[($ru / (4u * TURNS)) * TURNS + $ru % TURNS][($ru / TURNS) % 4u]);
    #for c in COLS
        sum_$r_$c += product(b_$r, x_$c);
    #end
#end
    }
#for c in COLS
    let factor_$c = factor_of($cu);
    #for r in LANE_ROWS
    totals[$ru * LANES + lane] = sum_$r_$c * factor_$c + bias_of(row_$r);
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
