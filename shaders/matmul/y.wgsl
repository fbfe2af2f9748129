// Four neighbouring stored results, 32 bits each, or 16 with HALF_Y.
#if HALF_Y
alias YQuad = vec2<u32>;
fn to_y(v: vec4<f32>) -> YQuad { return vec2<u32>(pack2x16float(v.xy), pack2x16float(v.zw)); }
fn from_y(y: YQuad) -> vec4<f32> { return vec4<f32>(unpack2x16float(y.x), unpack2x16float(y.y)); }
#else
alias YQuad = vec4<f32>;
fn to_y(v: vec4<f32>) -> YQuad { return v; }
fn from_y(y: YQuad) -> vec4<f32> { return y; }
#end

// [tokens, Y_ROW]: Y_ROW = floats of a row / 4.
@binding(y) var<storage, read_write> y: array<YQuad>;

// Tiles may have more rows than y.
fn has_row(token: u32) -> bool { return token < arrayLength(&y) / Y_ROW; }
