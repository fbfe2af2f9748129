//! Batches and branches of generations.

use pollster::block_on;
use vitrine_checkpoint::open_path;
use vitrine_engine::{Engine, Observer};
use vitrine_gpu::{AdapterSelector, Gpu};
use vitrine_model::LoadOptions;
use vitrine_protocol::{
    BatchRequest, FinishReason, ForkRequest, GenerateRequest, Intervention, PacketParts, Prompt,
    SamplingParams, TokenStep,
};

use crate::{fixtures, random_ids};

fn engine(name: &str) -> Engine {
    let gpu = block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
    let files = open_path(&fixtures("architectures").join(name)).unwrap();
    let options = LoadOptions::default();
    block_on(Engine::load(gpu, &files, &options, &mut |_, _, _| {})).unwrap()
}

fn request(ids: &[u32], max_new_tokens: u32) -> GenerateRequest {
    GenerateRequest {
        prompt: Prompt::Ids { ids: ids.to_vec() },
        max_new_tokens,
        top: 0,
        kv_cache: true,
        packet: Default::default(),
        interventions: vec![],
        sampling: Default::default(),
    }
}

/// Stops after some tokens of all sequences together.
struct StopAfter(usize);

impl Observer for StopAfter {
    fn token(&mut self, _sequence: usize, _step: &TokenStep) {
        self.0 = self.0.saturating_sub(1);
    }

    fn stop_requested(&mut self) -> bool {
        self.0 == 0
    }
}

#[test]
fn sequences_wait_for_places_and_end_each_for_itself() {
    let mut engine = engine("llama");
    // The context holds 128 tokens.
    let sequences: Vec<_> = [(3, 5), (126, 9), (7, 0), (1, 12), (9, 1)]
        .iter()
        .zip(0..)
        .map(|(&(length, limit), seed)| request(&random_ids(seed, length, 200), limit))
        .collect();
    for width in [1, 2, 8] {
        let batch = BatchRequest {
            sequences: sequences.clone(),
            width,
        };
        let got = block_on(engine.generate_batch(&batch, &mut ())).unwrap();
        assert_eq!(got.width, width.min(5));
        for (request, got) in sequences.iter().zip(&got.sequences) {
            let alone = block_on(engine.generate(request, &mut ())).unwrap();
            assert_eq!(got.ids, alone.ids, "{width} at a time");
            assert_eq!(got.finish_reason, alone.finish_reason);
        }
        let lengths: Vec<_> = got.sequences.iter().map(|one| one.ids.len()).collect();
        assert_eq!(lengths, [5, 2, 0, 12, 1]);
        assert_eq!(got.sequences[1].finish_reason, FinishReason::Context);
    }
    let batch = BatchRequest {
        sequences: sequences.clone(),
        width: 2,
    };
    let stopped = block_on(engine.generate_batch(&batch, &mut StopAfter(4))).unwrap();
    let reasons: Vec<_> = stopped
        .sequences
        .iter()
        .map(|one| one.finish_reason)
        .collect();
    assert_eq!(reasons[3..], [FinishReason::Stopped; 2], "they never began");
    assert!(stopped.tokens <= 5);

    let mut without_cache = batch;
    without_cache.sequences[1].kv_cache = false;
    let refused = block_on(engine.generate_batch(&without_cache, &mut ()));
    let words = refused.unwrap_err().to_string();
    assert!(words.starts_with("Prompt 2: Several prompts"), "{words}");
}

/// A generation, a fork of it and a fork of the fork, with other prompts read in between.
#[test]
fn branches_of_a_generation() {
    let mut engine = engine("llama");
    let prompt = random_ids(3, 70, 200);
    let trunk = block_on(engine.generate(&request(&prompt, 6), &mut ())).unwrap();
    let all = [&prompt[..], &trunk.ids].concat();
    let kept = engine.keep().unwrap();
    let mut check = |of, all: &[u32], position: u32, token| {
        let fork = ForkRequest {
            position,
            token,
            max_new_tokens: 5,
            ..ForkRequest::default()
        };
        let (branch, summary) = block_on(engine.fork(of, &fork, &mut ())).unwrap();
        let prompt = [&all[..position as usize], &[token]].concat();
        assert_eq!(summary.prompt_ids, prompt);
        let alone = block_on(engine.generate(&request(&prompt, 5), &mut ())).unwrap();
        assert_eq!(summary.ids, alone.ids, "fork at {position}");
        (branch, [prompt, summary.ids].concat())
    };
    let (first, ids) = check(kept, &all, 72, 9);
    let (_, other) = check(first, &ids, 74, 11);
    check(kept, &all, 64, 5);
    assert!(ids[72..] != all[72..] && ids[..72] == all[..72]);
    assert_eq!(ids[..74], other[..74]);
    engine.forget(kept).unwrap();
    let fork = ForkRequest {
        position: 1,
        token: 1,
        max_new_tokens: 1,
        ..ForkRequest::default()
    };
    assert!(block_on(engine.fork(kept, &fork, &mut ())).is_err());
    // Branches of a removed branch continue.
    assert!(block_on(engine.fork(first, &fork, &mut ())).is_ok());
}

/// Keeps the tokens of a generation.
#[derive(Default)]
struct Steps(Vec<TokenStep>);

impl Observer for Steps {
    fn token(&mut self, _sequence: usize, step: &TokenStep) {
        self.0.push(step.clone());
    }
}

/// A fork has the draws, packets and interventions of a generation from the same tokens.
#[test]
fn a_fork_is_a_generation_of_its_own() {
    let mut engine = engine("llama");
    let prompt = random_ids(5, 40, 200);
    block_on(engine.generate(&request(&prompt, 4), &mut ())).unwrap();
    let trunk = engine.keep().unwrap();
    let whole = ForkRequest {
        position: 40,
        token: 17,
        max_new_tokens: 6,
        top: 3,
        packet: PacketParts::ALL,
        interventions: vec![],
        sampling: SamplingParams {
            do_sample: true,
            top_k: 0,
            seed: 5,
            ..SamplingParams::default()
        },
    };
    let ids = [&prompt[..], &[17]].concat();
    let alone = GenerateRequest {
        packet: whole.packet,
        top: whole.top,
        sampling: whole.sampling.clone(),
        ..request(&ids, 6)
    };
    let (mut forked, mut wanted) = (Steps::default(), Steps::default());
    block_on(engine.fork(trunk, &whole, &mut forked)).unwrap();
    block_on(engine.generate(&alone, &mut wanted)).unwrap();
    for (got, wanted) in forked.0.iter().zip(&wanted.0) {
        assert_eq!(got.piece.id, wanted.piece.id);
        assert_eq!(got.draw, wanted.draw);
        let (got, wanted) = (got.packet.as_ref(), wanted.packet.as_ref());
        let (got, wanted) = (got.unwrap(), wanted.unwrap());
        assert!((got.logsumexp - wanted.logsumexp).abs() < 1e-4);
        assert_eq!(got.heads.len(), wanted.heads.len());
    }
    // Control: another seed and another model write something else.
    let mut other = whole.clone();
    other.sampling.seed = 6;
    let mut drawn = Steps::default();
    block_on(engine.fork(trunk, &other, &mut drawn)).unwrap();
    let ids = |steps: &Steps| -> Vec<u32> { steps.0.iter().map(|step| step.piece.id).collect() };
    assert_ne!(ids(&drawn), ids(&forked));
    let mut changed = whole.clone();
    changed.interventions = vec![Intervention::SkipMlp { layer: 0 }];
    let mut skipped = Steps::default();
    block_on(engine.fork(trunk, &changed, &mut skipped)).unwrap();
    let first = |steps: &Steps| steps.0[0].packet.as_ref().unwrap().logsumexp;
    assert!((first(&skipped) - first(&forked)).abs() > 1e-3);
    // And nothing stays changed.
    let mut again = Steps::default();
    block_on(engine.fork(trunk, &whole, &mut again)).unwrap();
    assert_eq!(ids(&again), ids(&forked));
}

/// Keeps the tokens of each sequence.
#[derive(Default)]
struct Heard(Vec<Vec<TokenStep>>);

impl Observer for Heard {
    fn token(&mut self, sequence: usize, step: &TokenStep) {
        let most = self.0.len().max(sequence + 1);
        self.0.resize(most, Vec::new());
        self.0[sequence].push(step.clone());
    }
}

/// Without what time says.
fn timeless(steps: &[TokenStep]) -> Vec<TokenStep> {
    let timeless = |step: &TokenStep| TokenStep {
        elapsed_s: 0.0,
        ..step.clone()
    };
    steps.iter().map(timeless).collect()
}

/// Each sequence of a batch has the packets and interventions that it has alone.
#[test]
fn packets_and_interventions_in_a_batch_are_those_of_each_prompt_alone() {
    let mut engine = engine("llama");
    let without_timings = PacketParts::ALL.without(PacketParts::TIMINGS);
    let skip = || vec![Intervention::SkipMlp { layer: 0 }];
    let mean = || {
        vec![Intervention::Head {
            layer: 0,
            head: 1,
            factor: 0.0,
            mean: true,
        }]
    };
    let wishes = [
        (5, without_timings, vec![]),
        (40, without_timings, skip()),
        (9, PacketParts::NONE, mean()),
        (7, without_timings, vec![]),
        (3, PacketParts::NONE, skip()),
        (12, without_timings, skip()),
        (11, PacketParts::NONE, mean()),
    ];
    let sequences: Vec<_> = (0..)
        .zip(&wishes)
        .map(|(seed, (length, packet, interventions))| GenerateRequest {
            top: 3,
            packet: *packet,
            interventions: interventions.clone(),
            ..request(&random_ids(seed, *length, 200), 6)
        })
        .collect();
    for width in [1, 4] {
        let batch = BatchRequest {
            sequences: sequences.clone(),
            width,
        };
        let mut heard = Heard::default();
        let summary = block_on(engine.generate_batch(&batch, &mut heard)).unwrap();
        assert_eq!(summary.sequences.len(), sequences.len());
        for (index, one) in sequences.iter().enumerate() {
            let mut alone = Steps::default();
            block_on(engine.generate(one, &mut alone)).unwrap();
            let (got, alone) = (timeless(&heard.0[index]), timeless(&alone.0));
            assert_eq!(got, alone, "sequence {index}, {width} at a time");
            let watched = one.packet != PacketParts::NONE;
            assert!(got.iter().all(|step| step.packet.is_some() == watched));
            // Control: without its changes it says something else.
            if !one.interventions.is_empty() {
                let unchanged = GenerateRequest {
                    interventions: vec![],
                    ..one.clone()
                };
                let mut plain = Steps::default();
                block_on(engine.generate(&unchanged, &mut plain)).unwrap();
                assert_ne!(timeless(&plain.0), got, "sequence {index}");
            }
        }
        // Control: packets differ.
        assert_ne!(heard.0[0][0].packet, heard.0[3][0].packet);
    }

    // A layer that is not there is the fault of one prompt.
    let mut wrong = sequences;
    wrong[4].interventions = vec![Intervention::SkipMlp { layer: 99 }];
    let batch = BatchRequest {
        sequences: wrong,
        width: 4,
    };
    let refused = block_on(engine.generate_batch(&batch, &mut ())).unwrap_err();
    let words = refused.to_string();
    assert!(
        words.starts_with("Prompt 5: There is no layer 99"),
        "{words}"
    );
}
