//! Many draws from one distribution.

use std::collections::HashMap;

use vitrine_sampling::{Pipeline, Stage, draw_word};

/// How often each token is drawn for `position` with `count` successive seeds, beginning with `seed`; the most frequent
/// token first.
pub fn draws(pipeline: &Pipeline, seed: u64, position: u32, count: u64) -> Vec<(u32, u64)> {
    // The line is built once and searched for each point, with the same result as `Pipeline::draw_at`.
    let mut end = 0.0;
    let line: Vec<(u32, f64)> = pipeline
        .kept(Stage::MinP)
        .map(|id| {
            end += pipeline.probability(id, Stage::MinP);
            (id, end)
        })
        .collect();
    let mut times: HashMap<u32, u64> = HashMap::new();
    for seed in seed..seed.saturating_add(count) {
        let point = f64::from(draw_word(seed, position)) / 4_294_967_296.0;
        let at = line.partition_point(|(_, end)| *end <= point);
        if let Some((id, _)) = line.get(at).or(line.last()) {
            *times.entry(*id).or_default() += 1;
        }
    }
    let mut times: Vec<(u32, u64)> = times.into_iter().collect();
    times.sort_by_key(|(id, times)| (u64::MAX - times, *id));
    times
}

#[cfg(test)]
mod tests {
    use vitrine_sampling::{Counts, Pipeline, SamplingParams};

    use super::draws;

    #[test]
    fn it_draws_what_the_pipeline_draws() {
        let params = SamplingParams {
            do_sample: true,
            top_k: 0,
            ..SamplingParams::default()
        };
        let logits: Vec<f32> = (0..50).map(|id| (id % 7) as f32 * 0.5).collect();
        let mut expected = std::collections::HashMap::new();
        for seed in 10..310 {
            let params = SamplingParams {
                seed,
                ..params.clone()
            };
            let pipeline = Pipeline::new(&logits, &Counts::default(), &params);
            *expected.entry(pipeline.draw(9).id).or_default() += 1u64;
        }
        let pipeline = Pipeline::new(&logits, &Counts::default(), &params);
        let counted = draws(&pipeline, 10, 9, 300);
        assert_eq!(counted.iter().map(|(_, times)| times).sum::<u64>(), 300);
        for (id, times) in counted {
            assert_eq!(expected.get(&id), Some(&times), "{id}");
        }
        // Another position has different draws.
        assert_ne!(draws(&pipeline, 10, 9, 300), draws(&pipeline, 10, 8, 300));
    }
}
