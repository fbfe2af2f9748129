// Tree reductions over the LANES invocations of a workgroup. LANES is a power of two. All invocations call them
// together and receive the result.
var<workgroup> reduce_scratch: array<f32, LANES>;

fn workgroup_sum(lane: u32, value: f32) -> f32 {
    reduce_scratch[lane] = value;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            reduce_scratch[lane] += reduce_scratch[lane + width];
        }
        workgroupBarrier();
    }
    let total = reduce_scratch[0];
    // The scratch can be reused immediately.
    workgroupBarrier();
    return total;
}

fn workgroup_max(lane: u32, value: f32) -> f32 {
    reduce_scratch[lane] = value;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            reduce_scratch[lane] = max(reduce_scratch[lane], reduce_scratch[lane + width]);
        }
        workgroupBarrier();
    }
    let highest = reduce_scratch[0];
    workgroupBarrier();
    return highest;
}
