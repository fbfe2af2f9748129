// Sums of weights by the digits of a key: each invocation of the workgroup has a digit. Weights are 64-bit integers,
// so the sums do not depend on the order of invocations.
#import u64

const DIGITS: u32 = 256u;

// [DIGITS] each: the words of the sums.
var<workgroup> low: array<atomic<u32>, DIGITS>;
var<workgroup> high: array<atomic<u32>, DIGITS>;
// [DIGITS]
var<workgroup> sums: array<vec2<u32>, DIGITS>;

fn clear(lane: u32) {
    atomicStore(&low[lane], 0u);
    atomicStore(&high[lane], 0u);
    workgroupBarrier();
}

// Two atomic words; the addition that overflows the low word adds the carry.
fn add_to_digit(digit: u32, weight: vec2<u32>) {
    let before = atomicAdd(&low[digit], weight.x);
    let carry = select(0u, 1u, before + weight.x < before);
    if (weight.y + carry > 0u) {
        atomicAdd(&high[digit], weight.y + carry);
    }
}

// Prefix sums of the digits.
fn sum_up(lane: u32) {
    var sum = vec2<u32>(atomicLoad(&low[lane]), atomicLoad(&high[lane]));
    sums[lane] = sum;
    workgroupBarrier();
    for (var distance = 1u; distance < DIGITS; distance *= 2u) {
        if (lane >= distance) {
            sum = add64(sums[lane - distance], sum);
        }
        workgroupBarrier();
        sums[lane] = sum;
        workgroupBarrier();
    }
}
