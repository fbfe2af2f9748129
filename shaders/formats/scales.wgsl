// [rows / 32, K_GROUPS, GROUP_WORDS, 32]
@binding(scales) var<storage, read> scales: array<u32>;
fn scale_word(i: u32) -> u32 { return scales[i]; }
