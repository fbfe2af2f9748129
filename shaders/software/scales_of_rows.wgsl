// As `software/scales`, for a lane that owns rows 8 apart, or 4 apart: the kernel loads the texel of four rows at
// once and replaces the result of `scale_word` by its words.
#import software/texture

// [rows / 32, K_GROUPS, 8]: words of rows i, i + 8, i + 16 and i + 24 of a tile.
@binding(scales) var scales: Texture;
fn scale_texel(i: u32) -> vec4<u32> { return texel_of(scales, (i / 32u) * 8u + i % 8u); }
fn scale_word(i: u32) -> u32 { return 0u; }

// Rows of a lane are LANES apart; rows whose scales share a texel are 8 apart.
const TURNS: u32 = 8u / LANES;

alias RowScales = array<u32, LANE_ROWS>;

fn load_scales(starts: array<RowStart, LANE_ROWS>, block: u32) -> RowScales {
    let texels = array<vec4<u32>, SCALE_TEXELS>(
#for t in SCALE_TEXELS
        scale_texel(scale_at(starts[($tu / TURNS) * 4u * TURNS + $tu % TURNS], block)),
#end
    );
    return RowScales(
#for r in LANE_ROWS
        texels[($ru / (4u * TURNS)) * TURNS + $ru % TURNS][($ru / TURNS) % 4u],
#end
    );
}

fn with_row_scale(b: Block, word: u32) -> Block { return with_scale(b, word); }
