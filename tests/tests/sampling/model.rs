//! Sampling in a whole model.

use pollster::block_on;
use vitrine_engine::{Engine, LoadOptions, ModelFiles, Observer};
use vitrine_gpu::{AdapterSelector, Gpu};
use vitrine_protocol::{
    BatchRequest, Draw, ForkRequest, GenerateRequest, Prompt, SamplingDefaults, SamplingParams,
    TokenStep,
};
use vitrine_sampling::{Counts, Pipeline};

const MODEL: &[u8] = include_bytes!("../../fixtures/random-llama/model.gguf");
const PROMPT: [u32; 5] = [3, 14, 15, 92, 65];

fn engine() -> Engine {
    let gpu = block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
    let files = ModelFiles::new("fixture").with("model.gguf", MODEL.to_vec());
    let options = LoadOptions::default();
    block_on(Engine::load(gpu, &files, &options, &mut |_, _, _| {})).unwrap()
}

fn sampled(seed: u64) -> SamplingParams {
    SamplingParams {
        top_k: 0,
        top_p: 0.9,
        repetition_penalty: 1.2,
        presence_penalty: 0.5,
        frequency_penalty: 0.25,
        seed,
        ..SamplingDefaults::default().params()
    }
}

/// Notes the draws, and changes the settings after some token.
#[derive(Default)]
struct Watcher {
    ids: Vec<u32>,
    draws: Vec<Option<Draw>>,
    change_after: Option<(usize, SamplingParams)>,
}

impl Observer for Watcher {
    fn token(&mut self, _sequence: usize, step: &TokenStep) {
        self.ids.push(step.piece.id);
        self.draws.push(step.draw);
    }

    fn new_sampling(&mut self) -> Option<SamplingParams> {
        let (after, params) = self.change_after.clone()?;
        (self.ids.len() == after).then_some(params)
    }
}

fn generate(
    engine: &mut Engine,
    sampling: &SamplingParams,
    kv_cache: bool,
    change_after: Option<(usize, SamplingParams)>,
) -> Watcher {
    let request = GenerateRequest {
        prompt: Prompt::Ids {
            ids: PROMPT.to_vec(),
        },
        max_new_tokens: 20,
        top: 0,
        kv_cache,
        packet: Default::default(),
        interventions: vec![],
        sampling: sampling.clone(),
    };
    let mut watcher = Watcher {
        change_after,
        ..Watcher::default()
    };
    block_on(engine.generate(&request, &mut watcher)).unwrap();
    watcher
}

#[test]
fn a_seed_draws_the_same_tokens_again() {
    let mut engine = engine();
    let greedy = generate(&mut engine, &SamplingParams::default(), true, None);
    assert!(greedy.draws.iter().all(Option::is_none));
    let first = generate(&mut engine, &sampled(7), true, None);
    assert!(first.draws.iter().all(Option::is_some));
    assert_eq!(
        first.ids,
        generate(&mut engine, &sampled(7), true, None).ids
    );
    assert_eq!(
        first.ids,
        generate(&mut engine, &sampled(7), false, None).ids
    );
    // Control: another seed draws others, and so does greed.
    assert_ne!(
        first.ids,
        generate(&mut engine, &sampled(8), true, None).ids
    );
    assert_ne!(first.ids, greedy.ids);
    // What was drawn leaves no trace.
    let again = generate(&mut engine, &SamplingParams::default(), true, None);
    assert_eq!(greedy.ids, again.ids);
    let zero = SamplingParams {
        temperature: 0.0,
        repetition_penalty: 1.0,
        presence_penalty: 0.0,
        frequency_penalty: 0.0,
        ..sampled(7)
    };
    assert_eq!(greedy.ids, generate(&mut engine, &zero, true, None).ids);
}

/// Each token is what the CPU draws from the logits of its position, and what was generated counts.
#[test]
fn the_model_draws_what_the_pipeline_draws() {
    let mut engine = engine();
    let params = sampled(3);
    let got = generate(&mut engine, &params, true, None);
    let mut ids = PROMPT.to_vec();
    let mut others = 0;
    for (id, draw) in got.ids.iter().zip(&got.draws) {
        let prompt = Prompt::Ids { ids: ids.clone() };
        let mut top = block_on(engine.next(&prompt, 0)).unwrap().distribution.top;
        top.sort_by_key(|candidate| candidate.id);
        let logits: Vec<f32> = top.iter().map(|candidate| candidate.logit).collect();
        let counts = Counts::new(logits.len(), &PROMPT, &ids[PROMPT.len()..]);
        let pipeline = Pipeline::new(&logits, &counts, &params);
        let right = pipeline.draw(ids.len() as u32);
        let draw = draw.unwrap();
        assert_eq!(*id, right.id, "position {}", ids.len());
        assert!((draw.u - right.u).abs() < 1e-9);
        assert!((draw.probability - right.probability).abs() < 1e-3 * right.probability);
        let forgetful = Pipeline::new(&logits, &Counts::default(), &params);
        others += usize::from(forgetful.draw(ids.len() as u32).start != right.start);
        ids.push(*id);
    }
    // Control: without the tokens so far they are other distributions.
    assert!(others > 15, "only {others}");
}

#[test]
fn settings_change_while_it_generates() {
    let mut engine = engine();
    let whole = generate(&mut engine, &sampled(7), true, None);
    let greedy = SamplingParams::default();
    let changed = generate(&mut engine, &sampled(7), true, Some((5, greedy)));
    // The step that was under way is still drawn.
    assert_eq!(changed.ids[..6], whole.ids[..6]);
    assert!(changed.draws[..6].iter().all(Option::is_some));
    assert!(changed.draws[6..].iter().all(Option::is_none));
    assert_ne!(changed.ids, whole.ids);
    // And back: what was generated until then is counted.
    let begun = SamplingParams::default();
    let late = generate(&mut engine, &begun, false, Some((5, sampled(7))));
    let drawn: Vec<bool> = late.draws.iter().map(Option::is_some).collect();
    assert_eq!(drawn.iter().position(|drawn| *drawn), Some(5));
}

#[test]
fn settings_out_of_range_are_refused() {
    let mut engine = engine();
    let request = GenerateRequest {
        prompt: Prompt::Ids { ids: vec![1] },
        max_new_tokens: 2,
        top: 0,
        kv_cache: true,
        packet: Default::default(),
        interventions: vec![],
        sampling: SamplingParams {
            top_p: 1.5,
            ..sampled(1)
        },
    };
    let error = block_on(engine.generate(&request, &mut ())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "top_p is 1.5: give a number from 0 to 1."
    );
    assert_eq!(error.failure().kind, vitrine_protocol::FailureKind::Request);
}

/// Sequences of a batch are drawn each by its own settings, as alone; one of them is greedy.
#[test]
fn sequences_of_a_batch_are_drawn_as_alone() {
    let mut engine = engine();
    let greedy = SamplingParams::default();
    let settings = [sampled(1), greedy, sampled(2), sampled(1)];
    let request = |sampling: &SamplingParams| GenerateRequest {
        prompt: Prompt::Ids {
            ids: PROMPT.to_vec(),
        },
        max_new_tokens: 12,
        top: 3,
        kv_cache: true,
        packet: Default::default(),
        interventions: vec![],
        sampling: sampling.clone(),
    };
    let batch = BatchRequest {
        sequences: settings.iter().map(request).collect(),
        width: 3,
    };
    let summary = block_on(engine.generate_batch(&batch, &mut ())).unwrap();
    let together: Vec<_> = summary.sequences.into_iter().map(|one| one.ids).collect();
    let alone = settings.map(|sampling| {
        let request = request(&sampling);
        block_on(engine.generate(&request, &mut ())).unwrap().ids
    });
    assert_eq!(together, alone);
    // Control: they are told apart.
    assert!(alone[0] != alone[1] && alone[0] != alone[2] && alone[1] != alone[2]);
}

/// Settings that change while a fork runs change it as any generation of the same tokens.
#[test]
fn a_fork_that_runs_follows_new_settings() {
    let mut engine = engine();
    generate(&mut engine, &SamplingParams::default(), true, None);
    let trunk = engine.keep().unwrap();
    let mut fork = |change_after: Option<(usize, SamplingParams)>| {
        let request = ForkRequest {
            position: 4,
            token: PROMPT[4],
            max_new_tokens: 20,
            sampling: sampled(7),
            ..ForkRequest::default()
        };
        let mut watcher = Watcher {
            change_after,
            ..Watcher::default()
        };
        block_on(engine.fork(trunk, &request, &mut watcher)).unwrap();
        watcher
    };
    let change = || Some((5, SamplingParams::default()));
    let (steady, changed) = (fork(None), fork(change()));
    // The token that was under way goes on as it was.
    assert_eq!(changed.draws[..6], steady.draws[..6]);
    assert!(changed.draws[6..].iter().all(Option::is_none));
    // Control: without new settings all are drawn.
    assert!(steady.draws.iter().all(Option::is_some));
    let alone = generate(&mut engine, &sampled(7), true, change());
    assert_eq!(changed.ids, alone.ids);
    assert_eq!(changed.draws.len(), alone.draws.len());
    for (forked, read) in changed.draws.iter().zip(&alone.draws) {
        let (Some(forked), Some(read)) = (forked, read) else {
            assert_eq!(forked, read);
            continue;
        };
        // The fork decodes the prompt's last token, alone it is read with the others: other kernels,
        // which round in another order.
        assert_eq!((forked.u, forked.kept), (read.u, read.kept));
        assert!((forked.probability - read.probability).abs() < 1e-5);
        assert!((forked.start - read.start).abs() < 1e-5);
    }
}
