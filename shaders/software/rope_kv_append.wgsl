// As `rope_kv_append/pairs`, to a KV cache in a texture: one invocation per texel.
#import software/to_texels, rope_kv_append/qkv

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let work = group.x * LANES + lane;
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
}
