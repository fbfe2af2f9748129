// Philox 4x32 with 10 rounds: random numbers from a counter and a key
// (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
#import u64

fn philox(first_counter: vec4<u32>, first_key: vec2<u32>) -> vec4<u32> {
    var counter = first_counter;
    var key = first_key;
    for (var round = 0u; round < 10u; round++) {
        let a = multiply32(0xD2511F53u, counter.x);
        let b = multiply32(0xCD9E8D57u, counter.z);
        counter = vec4<u32>(b.y ^ counter.y ^ key.x, b.x, a.y ^ counter.w ^ key.y, a.x);
        key += vec2<u32>(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}
