//! Batches and forks of a model.

use std::collections::BTreeSet;

use pollster::block_on;
use serde::Deserialize;
use vitrine_checkpoint::{Checkpoint, KvDtype, MappedFile, ModelFiles, open_path};
use vitrine_gpu::{AdapterSelector, Gpu};
use vitrine_model::{LoadOptions, Model, ModelError, PAGE, SequenceId};

use crate::{fixtures, random_ids};

fn load<S: vitrine_checkpoint::source::ByteSource>(
    files: &ModelFiles<S>,
    kv_dtype: Option<KvDtype>,
) -> Model {
    let gpu = block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
    let checkpoint = block_on(Checkpoint::open(files)).unwrap();
    let options = LoadOptions {
        kv_dtype,
        ..LoadOptions::default()
    };
    block_on(Model::load(gpu, &checkpoint, &options, &mut |_, _, _| {})).unwrap()
}

fn fixture(name: &str) -> Model {
    fixture_with(name, None)
}

fn fixture_with(name: &str, kv_dtype: Option<KvDtype>) -> Model {
    let files = open_path(&fixtures("architectures").join(name)).unwrap();
    load(&files, kv_dtype)
}

fn smollm2() -> Model {
    smollm2_with(None)
}

fn smollm2_with(kv_dtype: Option<KvDtype>) -> Model {
    let path = vitrine_hub::ensure(&vitrine_hub::DEFAULT_MODEL).unwrap();
    let file = MappedFile::open(&path).unwrap();
    let files = ModelFiles::new("SmolLM2").with("model.gguf", file);
    load(&files, kv_dtype)
}

/// `n` tokens after a prompt, with a sequence alone.
fn alone(model: &mut Model, ids: &[u32], n: usize) -> Vec<u32> {
    let mut pending = model.prefill(ids, 0).unwrap();
    let mut out = Vec::new();
    loop {
        out.push(block_on(pending.prediction()).unwrap().chosen.id);
        if out.len() == n {
            return out;
        }
        pending = model.decode(0).unwrap();
    }
}

/// The same for several sequences in one run; sequence i leaves after `lengths[i]` tokens.
fn together(model: &mut Model, prompts: &[Vec<u32>], lengths: &[usize]) -> Vec<Vec<u32>> {
    let mut out = vec![Vec::new(); prompts.len()];
    let mut running: Vec<(usize, SequenceId)> = Vec::new();
    for (index, prompt) in prompts.iter().enumerate() {
        let (id, pending) = model.start(prompt, 0).unwrap();
        out[index].push(block_on(pending.prediction()).unwrap().chosen.id);
        running.push((index, id));
    }
    loop {
        running.retain(|&(index, id)| {
            let goes_on = out[index].len() < lengths[index];
            if !goes_on {
                model.end(id).unwrap();
            }
            goes_on
        });
        if running.is_empty() {
            return out;
        }
        let ids: Vec<SequenceId> = running.iter().map(|(_, id)| *id).collect();
        let pending = model.decode_batch(&ids, 0).unwrap();
        let predictions = block_on(pending.predictions()).unwrap();
        for ((index, _), prediction) in running.iter().zip(predictions) {
            out[*index].push(prediction.chosen.id);
        }
    }
}

fn pages(positions: u32) -> u32 {
    // One more for the token that is chosen to follow.
    positions / PAGE + 1
}

/// Prompts of different lengths, those of a full context among them, in one run and alone.
fn check_batch(name: &str, mut model: Model) {
    let config = model.config();
    let (vocab, context) = (config.vocab_size, config.max_position_embeddings.min(200));
    let lengths = [8, 5, 12, 1, 9];
    let prompts: Vec<Vec<u32>> = [1, context - 12, 7, context / 2, 3]
        .iter()
        .zip(0..)
        .map(|(&n, seed)| random_ids(seed, n.max(1), vocab))
        .collect();
    let before = model.pages_taken();
    let together = together(&mut model, &prompts, &lengths);
    assert_eq!(
        model.pages_taken(),
        before,
        "{name}: all pages are free again"
    );
    for ((prompt, got), length) in prompts.iter().zip(&together).zip(lengths) {
        let right = alone(&mut model, prompt, length);
        assert_eq!(*got, right, "{name}: a prompt of {} tokens", prompt.len());
    }
    // Control: the sequences differ.
    let different: BTreeSet<_> = together.iter().map(|ids| &ids[..1]).collect();
    assert!(different.len() > 1, "{name}: {together:?}");
}

#[test]
fn each_fixture_says_the_same_in_a_batch() {
    let mut names: Vec<_> = std::fs::read_dir(fixtures("architectures"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        check_batch(&name, fixture(&name));
    }
}

/// A head's scale depends only on the head.
#[test]
fn a_cache_in_8_bits_says_the_same_in_a_batch_and_in_forks() {
    let q8 = Some(KvDtype::Q8);
    for name in ["gemma3", "phi3-longrope", "qwen3-window"] {
        check_batch(name, fixture_with(name, q8));
        check_forks(&mut fixture_with(name, q8), name);
    }
    check_forks(&mut smollm2_with(q8), "SmolLM2");
}

/// The default model writes what transformers writes with floats, up to a place where two tokens are
/// nearly as probable.
#[test]
fn the_golden_prompts_with_a_cache_in_8_bits() {
    let golden = std::fs::read_to_string(fixtures("smollm2").join("golden.json")).unwrap();
    let golden: Golden = serde_json::from_str(&golden).unwrap();
    let mut floats = smollm2();
    let mut model = smollm2_with(Some(KvDtype::Q8));
    assert_eq!(model.kv_bytes_per_token() * 2 * 64, 68 * 23_040);
    let mut same = 0;
    for GoldenPrompt {
        prompt_ids,
        free_ids,
    } in &golden.prompts
    {
        let got = alone(&mut model, prompt_ids, free_ids.len());
        let mut pairs = got.iter().zip(free_ids);
        let Some(at) = pairs.position(|(a, b)| a != b) else {
            same += 1;
            continue;
        };
        let ids = [prompt_ids, &free_ids[..at]].concat();
        let pending = floats.prefill(&ids, 64).unwrap();
        let top = block_on(pending.prediction()).unwrap().top;
        let logit = |id: u32| top.iter().find(|(other, _)| *other == id).unwrap().1;
        let gap = logit(free_ids[at]) - logit(got[at]);
        assert!((0.0..0.2).contains(&gap), "{gap} after {ids:?}");
    }
    assert!(same >= 4, "only {same} of {}", golden.prompts.len());
}

#[derive(Deserialize)]
struct Golden {
    prompts: Vec<GoldenPrompt>,
}

#[derive(Deserialize)]
struct GoldenPrompt {
    prompt_ids: Vec<u32>,
    free_ids: Vec<u32>,
}

#[test]
fn the_golden_prompts_in_one_batch() {
    let golden = std::fs::read_to_string(fixtures("smollm2").join("golden.json")).unwrap();
    let golden: Golden = serde_json::from_str(&golden).unwrap();
    let prompts: Vec<_> = golden
        .prompts
        .iter()
        .map(|p| p.prompt_ids.clone())
        .collect();
    let lengths: Vec<_> = golden.prompts.iter().map(|p| p.free_ids.len()).collect();
    let different: BTreeSet<_> = prompts.iter().map(Vec::len).collect();
    assert!(prompts.len() == 7 && different.len() > 4);
    let mut model = smollm2();
    let got = together(&mut model, &prompts, &lengths);
    for (got, prompt) in got.iter().zip(&golden.prompts) {
        assert_eq!(*got, prompt.free_ids);
    }
}

/// Forks at several positions, including ends of pages, compared with new prompts of the same ids.
fn check_forks(model: &mut Model, what: &str) {
    let vocab = model.config().vocab_size;
    let context = model.config().max_position_embeddings;
    let n = (2 * PAGE + 10).min(context - 8);
    let prompt = random_ids(5, n, vocab);
    let (trunk, pending) = model.start(&prompt, 0).unwrap();
    let first = block_on(pending.prediction()).unwrap().chosen.id;
    for position in [0, 1, n / 3, PAGE - 1, PAGE, 2 * PAGE, n - 1, n] {
        if position > n {
            continue;
        }
        let other = (prompt.get(position as usize).unwrap_or(&first) + 1) % vocab;
        let before = model.pages_taken();
        let (fork, pending) = model.fork(trunk, position, other, 0).unwrap();
        // Full pages are shared; where keys are worth nothing for the shorter one, none is.
        let taken = model.pages_taken() - before;
        let all = pages(position + 1);
        let own = all - position / PAGE;
        assert!(
            taken == own || taken == all,
            "{what}: {taken} pages at {position}"
        );
        if what == "SmolLM2" {
            assert_eq!(taken, own, "{what}: at {position}");
        }
        let mut got = vec![block_on(pending.prediction()).unwrap().chosen.id];
        for _ in 0..4 {
            // Both continue in one pass.
            let pending = model.decode_batch(&[fork], 0).unwrap();
            got.push(block_on(pending.predictions()).unwrap()[0].chosen.id);
        }
        let ids = [&prompt[..position as usize], &[other]].concat();
        assert_eq!(got, alone(model, &ids, 5), "{what}: fork at {position}");
        model.end(fork).unwrap();
        model.prefill(&[0], 0).unwrap();
    }
    // The trunk has not noticed.
    let mut got = vec![first];
    for _ in 0..4 {
        let pending = model.decode_batch(&[trunk], 0).unwrap();
        got.push(block_on(pending.predictions()).unwrap()[0].chosen.id);
    }
    assert_eq!(got, alone(model, &prompt, 5), "{what}: the trunk");
    model.end(trunk).unwrap();
}

#[test]
fn forks_say_what_a_fresh_prompt_says() {
    check_forks(&mut smollm2(), "SmolLM2");
    for name in ["gpt2", "gemma3", "phi3-longrope"] {
        check_forks(&mut fixture(name), name);
    }
}

/// A trunk and its forks decode together, and a fork outlives its trunk.
#[test]
fn a_trunk_and_its_forks_in_one_pass() {
    let mut model = smollm2();
    let vocab = model.config().vocab_size;
    let prompt = random_ids(9, PAGE + 20, vocab);
    let (trunk, pending) = model.start(&prompt, 0).unwrap();
    let mut out = vec![vec![block_on(pending.prediction()).unwrap().chosen.id]];
    let mut ids = vec![trunk];
    let places = [(PAGE + 5, 11), (PAGE, 12), (3, 13)];
    for (position, token) in places {
        let (id, pending) = model.fork(trunk, position, token, 0).unwrap();
        out.push(vec![block_on(pending.prediction()).unwrap().chosen.id]);
        ids.push(id);
    }
    for step in 0..6 {
        if step == 3 {
            model.end(ids.remove(0)).unwrap();
        }
        let pending = model.decode_batch(&ids, 0).unwrap();
        let predictions = block_on(pending.predictions()).unwrap();
        let skipped = out.len() - ids.len();
        for (out, prediction) in out[skipped..].iter_mut().zip(predictions) {
            out.push(prediction.chosen.id);
        }
    }
    let mut prompts = vec![prompt.clone()];
    for (position, token) in places {
        prompts.push([&prompt[..position as usize], &[token]].concat());
    }
    for (prompt, got) in prompts.iter().zip(&out) {
        assert_eq!(*got, alone(&mut model, prompt, got.len()));
    }
    assert!(out[1] != out[2], "the control: forks differ");
}

#[test]
fn the_cache_grows_under_running_sequences() {
    let mut model = fixture("llama");
    let vocab = model.config().vocab_size;
    let n = model.config().max_position_embeddings.min(150);
    // More pages than the cache has at first, and more page tables.
    let prompts: Vec<_> = (0..20).map(|seed| random_ids(seed, n - 6, vocab)).collect();
    let got = together(&mut model, &prompts, &[6; 20]);
    for (prompt, got) in prompts.iter().zip(&got) {
        assert_eq!(*got, alone(&mut model, prompt, 6));
    }
}

#[test]
fn bad_requests_are_refused() {
    let mut model = fixture("llama");
    let context = model.config().max_position_embeddings;
    let before = model.pages_taken();
    assert!(matches!(model.start(&[], 0), Err(ModelError::EmptyPrompt)));
    let long = vec![0; context as usize + 1];
    assert!(matches!(
        model.start(&long, 0),
        Err(ModelError::TooLong { .. })
    ));
    let (id, _) = model.start(&[1, 2, 3], 0).unwrap();
    let error = model.fork(id, 4, 0, 0).err().unwrap().to_string();
    assert_eq!(
        error,
        "The sequence has 3 positions: choose one from 0 to 3, not 4."
    );
    let unknown = model.fork(id, 1, u32::MAX, 0);
    assert!(matches!(unknown, Err(ModelError::UnknownToken { .. })));
    let twice = model.decode_batch(&[id, id], 0);
    assert!(matches!(twice, Err(ModelError::NamedTwice)));
    model.end(id).unwrap();
    assert!(matches!(model.end(id), Err(ModelError::NoSuchSequence)));
    let ended = model.decode_batch(&[id], 0);
    assert!(matches!(ended, Err(ModelError::NoSuchSequence)));
    assert_eq!(model.pages_taken(), before);
    // 512 at a time, the first one included.
    for _ in 0..511 {
        model.start(&[1], 0).unwrap();
    }
    let error = model.start(&[1], 0).err().unwrap().to_string();
    assert!(
        error.starts_with("There are 512 sequences already"),
        "{error}"
    );
}
