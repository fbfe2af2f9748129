//! What is drawn follows the probabilities.

use vitrine_sampling::{Counts, Pipeline, SamplingDefaults, SamplingParams, Stage};

use crate::golden::{logits, probabilities};
use crate::gpu::Sampler;

const DRAWS: u32 = 4000;

/// Pearson's chi-square of how often each token was drawn, and its degrees of freedom. Tokens that
/// are expected fewer than five times count as one.
fn chi_square(drawn: &[u32], probabilities: &[f64]) -> (f64, f64) {
    let mut observed = vec![0.0; probabilities.len()];
    for &id in drawn {
        observed[id as usize] += 1.0;
    }
    let expected = |id: usize| probabilities[id] * drawn.len() as f64;
    let (often, rare): (Vec<usize>, Vec<usize>) =
        (0..probabilities.len()).partition(|id| expected(*id) >= 5.0);
    let mut classes: Vec<(f64, f64)> = often
        .iter()
        .map(|id| (observed[*id], expected(*id)))
        .collect();
    let of_rare = |of: &dyn Fn(usize) -> f64| rare.iter().map(|id| of(*id)).sum::<f64>();
    let rare = (of_rare(&|id| observed[id]), of_rare(&expected));
    if rare.1 >= 5.0 {
        classes.push(rare);
    } else {
        assert!(
            rare.0 <= 20.0,
            "{} tokens that were not to be expected",
            rare.0
        );
    }
    let off = classes
        .iter()
        .map(|(observed, expected)| (observed - expected).powi(2) / expected);
    (off.sum(), classes.len() as f64 - 1.0)
}

/// The chi-square that one in 10,000 right samplers exceeds (Wilson and Hilferty, 1931).
fn limit(freedom: f64) -> f64 {
    let part = 2.0 / (9.0 * freedom);
    freedom * (1.0 - part + 3.719 * part.sqrt()).powi(3)
}

#[test]
fn draws_follow_the_probabilities() {
    let usual = SamplingDefaults::default().params();
    let cases = [
        (
            "usual",
            SamplingParams {
                temperature: 2.0,
                ..usual.clone()
            },
        ),
        (
            "flat",
            SamplingParams {
                top_k: 0,
                top_p: 0.8,
                ..usual.clone()
            },
        ),
        (
            "ties",
            SamplingParams {
                temperature: 1.5,
                top_k: 20,
                min_p: 0.05,
                ..usual.clone()
            },
        ),
    ];
    for (seed, (name, params)) in (1..).zip(cases) {
        let params = SamplingParams { seed, ..params };
        let logits = logits(name);
        let counts = Counts::new(logits.len(), &[], &[]);
        let sampler = Sampler::new(logits.len() as u32, 1);
        sampler.set(0, &logits, &counts, &params);
        let drawn = sampler.draw_many(DRAWS);
        let pipeline = Pipeline::new(&logits, &counts, &params);
        let (off, freedom) = chi_square(&drawn, &probabilities(&pipeline));
        assert!(freedom >= 10.0, "{name}: only {freedom} degrees of freedom");
        assert!(off < limit(freedom), "{name}: {off} of {}", limit(freedom));
        // Nothing that was removed is ever drawn.
        assert!(drawn.iter().all(|id| pipeline.removed_by(*id).is_none()));
        // Control: draws at a slightly other temperature are told apart.
        let other = SamplingParams {
            temperature: params.temperature * 1.3,
            ..params.clone()
        };
        let other = Pipeline::new(&logits, &counts, &other);
        let kept = other.kept(Stage::MinP).count();
        let (off, freedom) = chi_square(&drawn, &probabilities(&other));
        assert!(
            off > limit(freedom),
            "{name}: the control of {kept} tokens fails with {off}"
        );
        // The CPU draws the same.
        for (position, id) in (1..).zip(&drawn).step_by(97) {
            assert_eq!(
                pipeline.draw(position).id,
                *id,
                "{name}, position {position}"
            );
        }
        // Control: another seed draws others.
        sampler.set(
            0,
            &logits,
            &counts,
            &SamplingParams {
                seed: seed + 100,
                ..params
            },
        );
        assert_ne!(sampler.draw_many(DRAWS), drawn, "{name}");
    }
}
