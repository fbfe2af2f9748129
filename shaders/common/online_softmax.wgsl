// Online softmax (arXiv 2205.14135) of four queries at once: component r of each vector belongs to query r. An
// invocation adds its own keys; `highest` covers the keys of all invocations of the query.
#import scores

struct Softmax {
    // The highest score so far.
    highest: vec4<f32>,
    // Σ weight, where the weight of a key is exp(score - highest).
    total: vec4<f32>,
#if STATS
    // Σ weight · (score - highest).
    spread: vec4<f32>,
    // The first key that has the highest score.
    best_key: vec4<f32>,
    // The score of position 0.
    first_score: vec4<f32>,
#end
}

fn no_keys() -> Softmax {
    var softmax: Softmax;
    softmax.highest = vec4<f32>(LOWEST);
#if STATS
    softmax.best_key = vec4<f32>(NO_KEY);
    softmax.first_score = vec4<f32>(LOWEST);
#end
    return softmax;
}

// Raises the maxima to `highest` and returns the factor for everything that was weighted before.
fn raise(softmax: ptr<function, Softmax>, highest: vec4<f32>) -> vec4<f32> {
    let before = (*softmax).highest;
    let rescale = exp(before - highest);
#if STATS
    (*softmax).spread = rescale * ((*softmax).spread + (before - highest) * (*softmax).total);
    (*softmax).best_key = select((*softmax).best_key, vec4<f32>(NO_KEY), highest > before);
#end
    (*softmax).total *= rescale;
    (*softmax).highest = highest;
    return rescale;
}

// Adds a key with these scores, none above `highest`, for the queries that attend to it. Returns its weights.
fn add_key(softmax: ptr<function, Softmax>, key: u32, scores: vec4<f32>, seen: vec4<bool>) -> vec4<f32> {
    let below = scores - (*softmax).highest;
    let weights = select(vec4<f32>(0.0), exp(below), seen);
    (*softmax).total += weights;
#if STATS
    (*softmax).spread += select(vec4<f32>(0.0), weights * below, seen);
    let is_best = seen & (scores == (*softmax).highest);
    let key_or_best = min((*softmax).best_key, vec4<f32>(f32(key)));
    (*softmax).best_key = select((*softmax).best_key, key_or_best, is_best);
    (*softmax).first_score = select((*softmax).first_score, scores, seen & vec4<bool>(key == 0u));
#end
    return weights;
}
