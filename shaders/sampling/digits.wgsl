// Sums of weights by the digits of a key: each lane of the workgroup has a digit. Weights are whole numbers of 64
// bits, so that no order of lanes changes the sums.
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

// Two atomic words; the carry is taken by whoever makes the low one pass its end.
fn add_to_digit(digit: u32, weight: vec2<u32>) {
    let before = atomicAdd(&low[digit], weight.x);
    let carry = select(0u, 1u, before + weight.x < before);
    if (weight.y + carry > 0u) {
        atomicAdd(&high[digit], weight.y + carry);
    }
}

// The sum of the digits up to each.
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
