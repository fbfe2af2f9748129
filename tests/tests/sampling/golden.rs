//! Filtered distributions are those of transformers.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use serde::Deserialize;
use vitrine_sampling::{Counts, Pipeline, SamplingParams, Stage, key};

/// What `make_sampling.py` wrote.
#[derive(Deserialize)]
pub struct Golden {
    pub context: Vec<u32>,
    pub cases: Vec<Case>,
}

/// Settings on a vector of logits, and how many tokens each of transformers' processors left.
#[derive(Deserialize)]
pub struct Case {
    pub logits: String,
    params: BTreeMap<String, serde_json::Value>,
    kept: BTreeMap<String, usize>,
}

impl Case {
    /// Settings that were not given are off, and not transformers' defaults.
    pub fn params(&self) -> SamplingParams {
        let mut all = self.params.clone();
        all.insert("do_sample".to_owned(), true.into());
        all.entry("top_k".to_owned()).or_insert(0.into());
        serde_json::from_value(serde_json::to_value(all).unwrap()).unwrap()
    }
}

pub fn golden() -> Golden {
    serde_json::from_str(include_str!("../../fixtures/sampling/cases.json")).unwrap()
}

/// The logits of a case.
pub fn logits(name: &str) -> Vec<f32> {
    let bytes = include_bytes!("../../fixtures/sampling/logits.safetensors");
    tensor(bytes, name)
}

/// Transformers' probabilities of a case.
pub fn distribution(case: usize) -> Vec<f32> {
    let bytes = include_bytes!("../../fixtures/sampling/distributions.safetensors");
    tensor(bytes, &case.to_string())
}

fn tensor(bytes: &[u8], name: &str) -> Vec<f32> {
    let tensors = SafeTensors::deserialize(bytes).unwrap();
    bytemuck::pod_collect_to_vec(tensors.tensor(name).unwrap().data())
}

/// The largest difference of two distributions; 1 where one has what the other removed. Which of
/// equal logits top-p removes is chance in transformers, whose sort is not stable: there only how
/// many counts.
pub fn distance(pipeline: &Pipeline, got: &[f64], right: &[f32]) -> f64 {
    assert_eq!(got.len(), right.len());
    let right: Vec<f64> = right.iter().map(|right| f64::from(*right)).collect();
    let ordered = |values: &[f64]| {
        let mut ids: Vec<usize> = (0..values.len()).collect();
        let logit = |id: usize| key(pipeline.scaled(id as u32));
        ids.sort_by(|&a, &b| {
            let by_logit = logit(a).cmp(&logit(b));
            by_logit.then(values[a].total_cmp(&values[b]))
        });
        ids.into_iter().map(|id| values[id]).collect::<Vec<_>>()
    };
    let pairs = ordered(got).into_iter().zip(ordered(&right));
    let off = pairs.map(|(got, right)| match (got > 1e-9, right > 1e-9) {
        (true, false) | (false, true) => 1.0,
        _ => (got - right).abs(),
    });
    off.fold(0.0, f64::max)
}

/// What is drawn from, by id.
pub fn probabilities(pipeline: &Pipeline) -> Vec<f64> {
    let ids = 0..pipeline.vocab_size() as u32;
    ids.map(|id| pipeline.probability(id, Stage::MinP))
        .collect()
}

#[test]
fn filtered_distributions_are_those_of_transformers() {
    let golden = golden();
    assert!(golden.cases.len() > 200);
    for (index, case) in golden.cases.iter().enumerate() {
        let (logits, params) = (logits(&case.logits), case.params());
        let counts = Counts::new(logits.len(), &golden.context, &[]);
        let pipeline = Pipeline::new(&logits, &counts, &params);
        let got = probabilities(&pipeline);
        let off = distance(&pipeline, &got, &distribution(index));
        assert!(off < 2e-6, "{} {params:?}: off by {off}", case.logits);
        let stages = [
            ("TopKLogitsWarper", Stage::TopK),
            ("TopPLogitsWarper", Stage::TopP),
            ("MinPLogitsWarper", Stage::MinP),
        ];
        for (name, stage) in stages {
            let Some(kept) = case.kept.get(name) else {
                continue;
            };
            // Tokens without weight are not told apart.
            let weightless = |id: &u32| pipeline.probability(*id, Stage::Scaled) == 0.0;
            if !(0..logits.len() as u32).any(|id| weightless(&id)) {
                let got = pipeline.kept(stage).count();
                assert_eq!(got, *kept, "{} {params:?}: {name}", case.logits);
            }
        }
    }
}

/// Control: each setting is felt.
#[test]
fn other_settings_differ() {
    let golden = golden();
    let logits = logits("flat");
    let counts = Counts::new(logits.len(), &golden.context, &[]);
    let changes: [fn(&mut SamplingParams); 5] = [
        |p| p.temperature *= 1.01,
        |p| p.top_k = 1,
        |p| p.top_p = 0.3,
        |p| p.min_p = 0.6,
        |p| p.repetition_penalty = 0.05,
    ];
    let has_all = |case: &&Case| case.logits == "flat" && case.kept.len() == 5;
    let case = golden.cases.iter().find(has_all).unwrap();
    let index = golden.cases.iter().position(|it| std::ptr::eq(it, case));
    let right = distribution(index.unwrap());
    for (index, change) in changes.into_iter().enumerate() {
        let mut params = case.params();
        change(&mut params);
        let pipeline = Pipeline::new(&logits, &counts, &params);
        let off = distance(&pipeline, &probabilities(&pipeline), &right);
        assert!(off > 1e-4, "change {index}");
    }
}
