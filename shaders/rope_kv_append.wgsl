// Rotates queries, and appends rotated keys and plain values to the KV cache. One lane per pair of
// dimensions of qkv, (tokens, QKV_STRIDE), or with CACHE_TEXELS per texel.
//
// With CACHE_Q8 a workgroup is a head of a token: its largest value must be known before any of its bytes.
#import pairs
#import append
#if CACHE_Q8
#import reduce
#end

// [tokens, QKV_STRIDE / 2]
@binding(qkv) var<storage, read> qkv: array<Pair>;

fn value(at: u32) -> f32 {
    let pair = from_pair(qkv[at / 2u]);
    return select(pair.x, pair.y, at % 2u == 1u);
}

// Pair `i` of a head of a token.
fn pair_of(token: u32, head: u32, i: u32) -> vec2<f32> {
    let at = token * QKV_STRIDE + head_start(head) + pair_dims(i);
    return vec2<f32>(value(at.x), value(at.y));
}

#if CACHE_Q8
const WORDS: u32 = HEAD_DIM / 4u;

// The bits of the largest float.
const LARGEST: u32 = 0x7f7fffffu;
const NAN: u32 = 0x7fc00000u;

var<workgroup> values: array<vec4<f32>, WORDS>;

// |x|; of what is no number the largest float: a max may drop a NaN.
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
    // A head with a value that is no number has none.
    let scale = select(bitcast<u32>(largest / 127.0), NAN, bitcast<u32>(largest) == LARGEST);
    let at = cached_at(token, head);
    for (var i = lane; i <= WORDS; i += LANES) {
        var word = scale;
        if (i < WORDS) {
            // To the nearest of -127 … 127; a head of zeros stays one.
            word = pack4x8snorm(values[i] / max(largest, 1e-30));
#if KEEP_KV
            let kept = vec4<f32>(unpack4xI8(word)) * bitcast<f32>(scale);
            keep_kv(token, head, 2u * i, kept.xy);
            keep_kv(token, head, 2u * i + 1u, kept.zw);
#end
        }
        if (head < HEADS + KV_HEADS) {
            k_cache[at + i] = word;
        } else {
            v_cache[at + i] = word;
        }
    }
}
#else
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let work = group.x * LANES + lane;
#if CACHE_TEXELS
    let head = work / TEXELS;
    let i = work % TEXELS * TEXEL_PAIRS;
    if (head >= HEADS + 2u * KV_HEADS) {
        return;
    }
    var pairs: array<CachedPair, TEXEL_PAIRS>;
#for p in TEXEL_PAIRS
    pairs[$pu] = to_append(group.y, head, i + $pu, pair_of(group.y, head, i + $pu));
#end
    append_texel(group.y, head, i, pairs);
#else
    let head = work / PAIRS;
    let i = work % PAIRS;
    if (head >= HEADS + 2u * KV_HEADS) {
        return;
    }
    append(group.y, head, i, pair_of(group.y, head, i));
#end
}
#end
