// Where the sequence stands. Written by the host before a prefill, and moved on by `argmax`.
struct Step {
    // Position of the first token of this pass.
    position: u32,
    // Tokens in this pass.
    n_tokens: u32,
}
