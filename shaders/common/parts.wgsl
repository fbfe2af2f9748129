// Attention takes WIDTH dimensions of a head at a time, neighbours in the order of the cache: of
// queries a Part, of keys and values a Cached. With WIDE they are two pairs, else one.
//
// With CACHE_Q8 a Cached is four signed bytes, and behind the PARTS of a head stands the scale that they
// are multiplied by: one load and one product for a key, outside the sum over its dimensions.
#import pairs

#if WIDE
alias Part = Quad;
alias Values = vec4<f32>;
fn from_part(part: Part) -> Values { return from_quad(part); }
#else
alias Part = Pair;
alias Values = vec2<f32>;
fn from_part(part: Part) -> Values { return from_pair(part); }
#end

#if CACHE_F32
alias Cached = Values;
fn from_cached(cached: Cached) -> Values { return cached; }
#end
#if CACHE_F16
#if WIDE
alias Cached = vec2<u32>;
fn from_cached(cached: Cached) -> Values {
    return vec4<f32>(unpack2x16float(cached.x), unpack2x16float(cached.y));
}
#else
alias Cached = u32;
fn from_cached(cached: Cached) -> Values { return unpack2x16float(cached); }
#end
#end
#if CACHE_Q8
alias Cached = u32;
fn from_cached(cached: Cached) -> Values { return vec4<f32>(unpack4xI8(cached)); }
// From a head to the next.
const CACHED_HEAD: u32 = PARTS + 1u;
#else
#if CACHE_TEXELS
const CACHED_HEAD: u32 = TEXELS;
#else
const CACHED_HEAD: u32 = PARTS;
#end
#end
