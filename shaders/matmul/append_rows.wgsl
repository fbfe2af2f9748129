// Rows of W that are queries, keys and values: a result is a pair of dimensions that rotate together.
#import rope_kv_append/turn, step, matmul/pair_rows

fn row_of(result: u32, side: u32) -> u32 {
    return head_start(result / PAIRS) + pair_dims(result % PAIRS)[side];
}
