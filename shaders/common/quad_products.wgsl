// Products of quads, the inner loops of attention: chains of fma, each of which is one GPU instruction.

fn add_product(a: vec4<f32>, b: vec4<f32>, sum: f32) -> f32 {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

// Adds the products of a quad of a key with the same quad of four queries to the scores of the four.
fn add_products(queries: array<vec4<f32>, 4>, key: vec4<f32>, scores: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(
        add_product(queries[0], key, scores.x),
        add_product(queries[1], key, scores.y),
        add_product(queries[2], key, scores.z),
        add_product(queries[3], key, scores.w),
    );
}

// A matrix has a quad of the results of four queries, each a column.
fn scaled(columns: mat4x4<f32>, by: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(columns[0] * by.x, columns[1] * by.y, columns[2] * by.z, columns[3] * by.w);
}

// A quad of a value, weighted for each of four queries.
fn weighted(value: vec4<f32>, weights: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(value * weights.x, value * weights.y, value * weights.z, value * weights.w);
}
