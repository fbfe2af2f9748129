// y[t, r] = Σ_k W[r, k] · x[t, k] on software adapters (lavapipe, SwiftShader). An invocation is a lane of a CPU
// vector, a workgroup is one vector, and loads cost most. A lane owns LANE_ROWS rows for COLS tokens, which share its
// loads of x.
//
// Units as in `matmul/vec`; `product` loads blocks of x and multiplies halves of them, and `row_scales` may load the
// scales of several rows at once.
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
    let rows = array<u32, LANE_ROWS>(
#for r in LANE_ROWS
        row_at(group.x, $ru * LANES + lane),
#end
    );
    let starts = array<RowStart, LANE_ROWS>(
#for r in LANE_ROWS
        row_start(rows[$r]),
#end
    );
#for g in ROW_GROUPS, i in GROUP_ROWS, c in COLS
    var sum_$g_$i_$c = 0.0;
#end
    for (var block = 0u; block < K_BLOCKS; block++) {
#for c in COLS
        let x_$c = load_x(first_token + $cu, $cu, block, lane, group.x == 0u);
#end
        let scales = load_scales(starts, block);
#for g in ROW_GROUPS
        // The rows of a group are loaded before the first is multiplied: compilers for CPUs keep this order.
    #for i in GROUP_ROWS
        let b_$g_$i = with_row_scale(load_block(starts[GROUP_ROWS * $gu + $iu], block), scales[GROUP_ROWS * $gu + $iu]);
    #end
    #for i in GROUP_ROWS, h in 2, c in COLS
        sum_$g_$i_$c += product_$h(b_$g_$i, x_$c);
    #end
#end
    }
#for c in COLS
    let factor_$c = factor_of($cu);
    #for g in ROW_GROUPS, i in GROUP_ROWS
    totals[(GROUP_ROWS * $gu + $iu) * LANES + lane] = sum_$g_$i_$c * factor_$c + bias_of(rows[GROUP_ROWS * $gu + $iu]);
    #end
    workgroupBarrier();
    for (var octet = lane; octet < ROWS / 8u; octet += LANES) {
        let low = four_totals(octet_row(octet, 0u));
        finish(group.x, octet, first_token + $cu, low, four_totals(octet_row(octet, 1u)));
    }
    // The next token's sums reuse this memory.
    workgroupBarrier();
#end
}
