// Words as a texture, four to a texel, as `vitrine_gpu::Texture` lays them out. A software adapter loads them faster
// than from a storage buffer; the best kind of texture depends on the driver.
const TEXTURE_WIDTH: u32 = 1024u;

fn texel_place(i: u32) -> vec2<u32> { return vec2<u32>(i % TEXTURE_WIDTH, i / TEXTURE_WIDTH); }

#if STORAGE_TEXTURE
alias Texture = texture_storage_2d<rgba32uint, read>;
fn texel_of(texture: Texture, i: u32) -> vec4<u32> { return textureLoad(texture, texel_place(i)); }
#else
alias Texture = texture_2d<u32>;
fn texel_of(texture: Texture, i: u32) -> vec4<u32> { return textureLoad(texture, texel_place(i), 0); }
#end
