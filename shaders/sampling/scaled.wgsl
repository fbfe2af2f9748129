// Logits after the penalties and the temperature of their sequence.

// `SampleParams` of sample.rs.
struct Params {
    // 1 / temperature
    scale: f32,
    // For logits below 0, and above.
    repetition: f32,
    inverse_repetition: f32,
    presence: f32,
    frequency: f32,
    // 0 for all.
    top_k: u32,
    // (1 - top_p) · 2³²
    removable: u32,
    penalizes: u32,
    least_mass: vec2<u32>,
    seed: vec2<u32>,
    greedy: u32,
    unused_0: u32,
    unused_1: vec2<u32>,
}

// [rows, STRIDE]
@binding(logits) var<storage, read> logits: array<f32>;
// [sequences]
@binding(params) var<storage, read> params: array<Params>;
// [sequences, N]: as `count` writes them.
@binding(counts) var<storage, read_write> counts: array<u32>;

const IN_PROMPT: u32 = 0x80000000u;

// The row of logits, and its sequence.
struct Place {
    row: u32,
    sequence: u32,
}

// A logit after penalties and temperature.
fn scaled(place: Place, id: u32) -> f32 {
    let settings = &params[place.sequence];
    var logit = logits[place.row * STRIDE + id];
    if ((*settings).penalizes != 0u) {
        let word = counts[place.sequence * N + id];
        if (word != 0u) {
            logit *= select((*settings).inverse_repetition, (*settings).repetition, logit < 0.0);
        }
        let count = word & ~IN_PROMPT;
        if (count > 0u) {
            logit -= (*settings).presence + (*settings).frequency * f32(count);
        }
    }
    return logit * (*settings).scale;
}
