// A block of W times a block of x, both as floats: in `matmul`, inside its loop.
#if STAGED
        let place = block % STAGE_BLOCKS;
        if (place == 0u) {
            stage(block, first_token, lane);
        }
#end
#if SHARED_X
#for c in COLS
        var mine_$c: array<vec4<f32>, SHARED_QUADS>;
#for s in SHARED_QUADS
        mine_$c[$su] = x_quad(x_at_$c + $su * LANES + lane);
#if NORM
        squares_$c += dot(mine_$c[$su], mine_$c[$su]);
        mine_$c[$su] *= norm[(block * 8u) + ($su * LANES) + lane];
#end
#if IN_PLACE
        mine_$c[$su] *= PLACES;
#end
#end
#end
#end
#if SUPER
#for r in ROWS
        let factors_$r = step_scales(scale_at_$r, block - first_block);
#end
#end
#for v in STEPS
#if SUPER
        {
#for c in COLS
        var x_sum_$c = 0.0;
#for r in ROWS
        var part_$r_$c = 0.0;
#end
#end
#end
#if READY
#if X_SUMS
#for c in COLS
        x_sum_$c += staged_sums[$cu * STAGE_STEPS + place * STEPS + $vu];
#end
#end
#end
#for r in ROWS
        let raw_$v_$r = raw_of(raw_at_$r + $vu * 32u);
#if HIGH
#if SUPER
        let high_$v_$r =
            high_$v(scale_at_$r + (HIGH_AT + (block - first_block) * HIGH_WORDS) * 32u);
#else
        let high_$v_$r = high_$v(scale_at_$r + HIGH_AT * 32u);
#end
#end
#end
#for p in QUADS
#for c in COLS
#if SHARED_X
        let factor_$v_$p_$c = subgroupBroadcast(
            mine_$c[($vu * QUADS + $pu) / LANES], ($vu * QUADS + $pu) % LANES);
#if X_SUMS
        x_sum_$c += dot(factor_$v_$p_$c, SHARED_SUM);
#end
#else
#if READY
        let factor_$v_$p_$c = staged[$cu * STAGE_QUADS + place * 8u + $vu * QUADS + $pu];
#else
#if STAGED
        var x_$v_$p_$c = staged[$cu * STAGE_QUADS + place * 8u + $vu * QUADS + $pu];
#else
        var x_$v_$p_$c = x_quad(x_at_$c + $vu * QUADS + $pu);
#end
#if NORM
        squares_$c += dot(x_$v_$p_$c, x_$v_$p_$c);
        x_$v_$p_$c *= norm[block * 8u + $vu * QUADS + $pu];
#end
#if X_SUMS
        x_sum_$c += dot(x_$v_$p_$c, X_SUM);
#end
#if IN_PLACE
        let factor_$v_$p_$c = x_$v_$p_$c * PLACES;
#else
        let factor_$v_$p_$c = x_$v_$p_$c;
#end
#end
#end
#end
#for r in ROWS
#if HIGH
        let w_$v_$p_$r = unpack_$p(raw_$v_$r, high_$v_$r);
#else
        let w_$v_$p_$r = unpack_$p(raw_$v_$r);
#end
#for c in COLS
#if SCALES
        part_$r_$c += dot(w_$v_$p_$r, factor_$v_$p_$c);
#else
        sum_$r_$c += dot(w_$v_$p_$r, factor_$v_$p_$c);
#end
#end
#end
#end
#if SUPER
#for r in ROWS
        let factor_$v_$r = step_scale_$v(factors_$r);
#for c in COLS
        super_$r_$c += factor_$v_$r * vec2<f32>(part_$r_$c, x_sum_$c);
#end
#end
        }
#end
#end
