// A block of W times a block of x in signed bytes: in `matmul`, inside its loop. Sums of 32 products of
// bytes are exact; only then are they scaled.
#for c in COLS
#if SHARED_X
        let mine_$c = x_words(x_at_$c + min(lane, 2u));
        let first_$c = subgroupBroadcast(mine_$c, 0u);
        let second_$c = subgroupBroadcast(mine_$c, 1u);
        let about_$c = bitcast<vec4<f32>>(subgroupBroadcast(mine_$c, 2u));
#else
        let first_$c = x_words(x_at_$c);
        let second_$c = x_words(x_at_$c + 1u);
        let about_$c = bitcast<vec4<f32>>(x_words(x_at_$c + 2u));
#end
        let words_$c = array<u32, 8>(
            first_$c.x, first_$c.y, first_$c.z, first_$c.w, second_$c.x, second_$c.y, second_$c.z, second_$c.w);
#end
#if SUPER
#for r in ROWS
        let factors_$r = step_scales(scale_at_$r, block - first_block);
#end
#else
#for r in ROWS
#for c in COLS
        var products_$r_$c = 0;
#end
#end
#end
#for v in STEPS
#if SUPER
        {
#for r in ROWS
#for c in COLS
        var products_$r_$c = 0;
#end
#end
#end
#for r in ROWS
        let raw_$v_$r = raw_of(raw_at_$r + $vu * 32u);
#if HIGH
#if SUPER
        let bits_$v_$r =
            high_$v(scale_at_$r + (HIGH_AT + (block - first_block) * HIGH_WORDS) * 32u);
#else
        let bits_$v_$r = high_$v(scale_at_$r + HIGH_AT * 32u);
#end
#end
#for p in QUADS
#if HIGH
        let w_$v_$p_$r = bytes_$p(raw_$v_$r, bits_$v_$r);
#else
        let w_$v_$p_$r = bytes_$p(raw_$v_$r);
#end
#for c in COLS
        products_$r_$c += dot4I8Packed(w_$v_$p_$r, words_$c[$vu * QUADS + $pu]);
#end
#end
#end
#if SUPER
#for r in ROWS
        let factor_$v_$r = step_scale_$v(factors_$r);
#for c in COLS
        super_$r_$c += factor_$v_$r
            * vec2<f32>(about_$c.x * f32(products_$r_$c), about_$c[STEP_SUM + $vu]);
#end
#end
        }
#end
#end
#if !SUPER
#for c in COLS
#if X_SUMS
        x_sum_$c += about_$c.w;
#end
#for r in ROWS
        part_$r_$c += about_$c.x * f32(products_$r_$c);
#end
#end
#end
