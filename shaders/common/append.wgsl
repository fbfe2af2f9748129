// What becomes of a pair of dimensions of a head of queries, keys or values: it turns, and goes to
// `query` or to the KV cache.
//
// Rotary embedding in the half-split form of transformers' `rotate_half`: of the 2 · ROPE_PAIRS
// dimensions that turn, i turns together with i + ROPE_PAIRS, by the angle that `rope` holds as
// (cos, sin) for each position and i (arXiv 2104.09864).
//
// A token's queries begin at 0, its keys at K_OFFSET, its values at V_OFFSET. query is
// (tokens, HEADS, PAIRS); the caches are (pages, KV_HEADS, PAGE, PAIRS), or with CACHE_Q8 as `parts` and
// with CACHE_TEXELS as `texels` has them.
// With KEEP_KV the new keys and values, as the cache has them, also go to kept_kv,
// (tokens, 2 · KV_HEADS, PAIRS).
#import cached_head
#import kv_cache
#if CACHE_TEXELS
#import texels
#end

#if CACHE_F32
alias CachedPair = vec2<f32>;
fn to_cached(pair: vec2<f32>) -> CachedPair { return pair; }
fn from_cached(cached: CachedPair) -> vec2<f32> { return cached; }
#end
#if CACHE_F16
alias CachedPair = u32;
fn to_cached(pair: vec2<f32>) -> CachedPair { return pack2x16float(pair); }
fn from_cached(cached: CachedPair) -> vec2<f32> { return unpack2x16float(cached); }
#end
#if CACHE_Q8
// Two pairs, or the scale.
alias CachedPair = u32;
const CACHED_HEAD: u32 = HEAD_DIM / 4u + 1u;
#else
#if CACHE_TEXELS
const CACHED_HEAD: u32 = TEXELS;
#else
const CACHED_HEAD: u32 = PAIRS;
#end
#end

// [positions, ROPE_PAIRS]: (cos, sin).
@binding(rope) var<storage, read> rope: array<vec2<f32>>;
// [tokens, HEADS, PAIRS]
@binding(query) var<storage, read_write> query: array<Pair>;
// [pages, KV_HEADS, PAGE, CACHED_HEAD]: keys, and values.
#if CACHE_TEXELS
@binding(k_cache) var k_cache: texture_storage_2d<rgba32uint, write>;
@binding(v_cache) var v_cache: texture_storage_2d<rgba32uint, write>;
#else
@binding(k_cache) var<storage, read_write> k_cache: array<CachedPair>;
@binding(v_cache) var<storage, read_write> v_cache: array<CachedPair>;
#end
// The tokens of the pass and the page tables.
@binding(step) var<storage, read> step: Step;
// [tokens, 2 · KV_HEADS, PAIRS]: a copy of the new keys and values.
@binding(kept_kv) var<storage, read_write> kept_kv: array<Pair>;

// Where a head begins; heads of queries come first, then those of keys, then those of values.
fn head_start(head: u32) -> u32 {
    if (head < HEADS) {
        return head * HEAD_DIM;
    }
    if (head < HEADS + KV_HEADS) {
        return K_OFFSET + (head - HEADS) * HEAD_DIM;
    }
    return V_OFFSET + (head - HEADS - KV_HEADS) * HEAD_DIM;
}

// Pair `i` of a head as attention meets it.
fn turned(position: u32, head: u32, i: u32, values: vec2<f32>) -> vec2<f32> {
    // As if it had been stored in between, which a kernel of its own needs.
    let pair = from_pair(to_pair(values));
#if ROPE
    if (head < HEADS + KV_HEADS && i < ROPE_PAIRS) {
        let turn = rope[position * ROPE_PAIRS + i];
        return vec2<f32>(pair.x * turn.x - pair.y * turn.y, pair.y * turn.x + pair.x * turn.y);
    }
#end
    return pair;
}

fn keep_query(token: u32, head: u32, i: u32, pair: vec2<f32>) {
    query[(token * HEADS + head) * PAIRS + i] = to_pair(pair);
}

// Where head `head`, of keys or of values, begins in its cache.
fn cached_at(token: u32, head: u32) -> u32 {
    let here = step.rows[token];
    return cached_head(here.sequence, here.position, (head - HEADS) % KV_HEADS) * CACHED_HEAD;
}

#if KEEP_KV
fn keep_kv(token: u32, head: u32, i: u32, pair: vec2<f32>) {
    kept_kv[(2u * token * KV_HEADS + head - HEADS) * PAIRS + i] = to_pair(pair);
}
#end

#if !CACHE_Q8
// A pair of a query goes its way; one of a key or a value is what the cache is to have.
fn to_append(token: u32, head: u32, i: u32, values: vec2<f32>) -> CachedPair {
    let pair = turned(step.rows[token].position, head, i, values);
    let cached = to_cached(pair);
    if (head < HEADS) {
        keep_query(token, head, i, pair);
        return cached;
    }
#if KEEP_KV
    keep_kv(token, head, i, from_cached(cached));
#end
    return cached;
}

#if CACHE_TEXELS
// The pairs of a texel, from pair `i` of a head on.
fn append_texel(token: u32, head: u32, i: u32, pairs: array<CachedPair, TEXEL_PAIRS>) {
    if (head < HEADS) {
        return;
    }
#if CACHE_F32
    let texel = bitcast<vec4<u32>>(vec4<f32>(pairs[0], pairs[1]));
#else
    let texel = vec4<u32>(pairs[0], pairs[1], pairs[2], pairs[3]);
#end
    let place = texel_place(cached_at(token, head) + i / TEXEL_PAIRS);
    if (head < HEADS + KV_HEADS) {
        textureStore(k_cache, place, texel);
    } else {
        textureStore(v_cache, place, texel);
    }
}
#else
fn append(token: u32, head: u32, i: u32, values: vec2<f32>) {
    let cached = to_append(token, head, i, values);
    if (head < HEADS) {
        return;
    }
    let at = cached_at(token, head) + i;
    if (head < HEADS + KV_HEADS) {
        k_cache[at] = cached;
    } else {
        v_cache[at] = cached;
    }
}
#end
#end
