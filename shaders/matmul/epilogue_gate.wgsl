// Epilogue of a gated MLP: rows r and UP_OFFSET + r of W are gate and up, and y is act(gate) · up.
#import act, matmul/pair_rows, matmul/y

fn row_of(result: u32, side: u32) -> u32 { return result + side * UP_OFFSET; }

// The gates and the ups of four neighbouring neurons for a token.
fn finish(group: u32, octet: u32, token: u32, gates: vec4<f32>, ups: vec4<f32>) {
    let neuron = octet_result(group, octet);
    if (neuron < N_RESULTS && has_row(token)) {
        y[token * Y_ROW + neuron / 4u] = to_y(vec4<f32>(act(gates.xy), act(gates.zw)) * ups);
    }
}
