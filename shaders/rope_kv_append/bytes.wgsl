// Rotates queries, and appends rotated keys and plain values to a KV cache of signed bytes. A workgroup is a head of a
// token: its largest value must be known before any of its bytes.
#import rope_kv_append/turn, rope_kv_append/qkv, reduce

// Four bytes each, and the scale.
const CACHED_HEAD: u32 = HEAD_DIM / 4u + 1u;

// [pages, KV_HEADS, PAGE, CACHED_HEAD] each.
@binding(k_cache) var<storage, read_write> k_cache: array<u32>;
@binding(v_cache) var<storage, read_write> v_cache: array<u32>;

const WORDS: u32 = HEAD_DIM / 4u;

// The bits of the largest float.
const LARGEST: u32 = 0x7f7fffffu;
const NAN: u32 = 0x7fc00000u;

var<workgroup> values: array<vec4<f32>, WORDS>;

// |x|, or the largest float for NaN: a max may drop a NaN.
fn magnitude(x: vec2<f32>) -> vec2<f32> {
    let bits = bitcast<vec2<u32>>(x) & vec2<u32>(0x7fffffffu);
    return bitcast<vec2<f32>>(min(bits, vec2<u32>(LARGEST)));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let token = group.y;
    let head = group.x;
    let position = step.rows[token].position;
    var largest = 0.0;
    for (var i = lane; i < WORDS; i += LANES) {
        let a = turned(position, head, 2u * i, pair_of(token, head, 2u * i));
        let b = turned(position, head, 2u * i + 1u, pair_of(token, head, 2u * i + 1u));
        if (head < HEADS) {
            keep_query(token, head, 2u * i, a);
            keep_query(token, head, 2u * i + 1u, b);
        }
        values[i] = vec4<f32>(a, b);
        let most = max(magnitude(a), magnitude(b));
        largest = max(largest, max(most.x, most.y));
    }
    if (head < HEADS) {
        return;
    }
    largest = workgroup_max(lane, largest);
    // A head with a NaN has a NaN scale.
    let scale = select(bitcast<u32>(largest / 127.0), NAN, bitcast<u32>(largest) == LARGEST);
    let at = cached_at(token, head);
    for (var i = lane; i <= WORDS; i += LANES) {
        var word = scale;
        if (i < WORDS) {
            // Rounds to -127 … 127; a head of zeros stays zero.
            word = pack4x8snorm(values[i] / max(largest, 1e-30));
            let kept = vec4<f32>(unpack4xI8(word)) * bitcast<f32>(scale);
            keep_kv(token, head, 2u * i, kept.xy);
            keep_kv(token, head, 2u * i + 1u, kept.zw);
        }
        if (head < HEADS + KV_HEADS) {
            k_cache[at + i] = word;
        } else {
            v_cache[at + i] = word;
        }
    }
}
