//! The default model: its weights are quantised here, and dequantised for transformers.

use pollster::block_on;
use safetensors::SafeTensors;
use serde::Deserialize;
use vitrine_checkpoint::MappedFile;
use vitrine_engine::{Engine, LoadOptions, ModelFiles, Tap};
use vitrine_protocol::{Intervention, PatchRequest, Prompt, TraceRequest};

use crate::fixture::{TOLERANCE, gpu, off, trace};

const FILE: &[u8] = include_bytes!("../../fixtures/inspection/smollm2.safetensors");
const LAYERS: usize = 30;
const HEADS: usize = 9;
const HIDDEN: usize = 576;

#[derive(Deserialize)]
struct Document {
    prompt_ids: Vec<u32>,
    corrupt_ids: Vec<u32>,
    repeating_ids: Vec<u32>,
    ablated: Vec<Ablated>,
    patch: Patch,
}

#[derive(Deserialize)]
struct Ablated {
    layer: u32,
    head: u32,
    kl: f64,
}

#[derive(Deserialize)]
struct Patch {
    answer: u32,
    against: u32,
    layers: Vec<usize>,
    /// Of those layers, for each position.
    restored: Vec<Vec<f64>>,
}

fn document() -> Document {
    let (_, metadata) = SafeTensors::read_metadata(FILE).unwrap();
    serde_json::from_str(&metadata.metadata().as_ref().unwrap()["inspection"]).unwrap()
}

fn tensor<T: bytemuck::Pod>(name: &str) -> Vec<T> {
    let file = SafeTensors::deserialize(FILE).unwrap();
    bytemuck::pod_collect_to_vec(file.tensor(name).unwrap().data())
}

fn load() -> Engine {
    let path = vitrine_hub::ensure(&vitrine_hub::DEFAULT_MODEL).unwrap();
    let file = MappedFile::open(&path).unwrap();
    let files = ModelFiles::new("SmolLM2").with("model.gguf", file);
    let options = LoadOptions::default();
    block_on(Engine::load(gpu(), &files, &options, &mut |_, _, _| {})).unwrap()
}

fn prompt(ids: &[u32]) -> Prompt {
    Prompt::Ids { ids: ids.to_vec() }
}

#[test]
fn every_layer_of_the_real_model_is_that_of_transformers() {
    let mut engine = load();
    let ids = document().prompt_ids;
    let taps = ["hidden_states", "attentions", "logits"];
    let seen = trace(&mut engine, prompt(&ids), &taps, vec![]);
    let n = ids.len();

    let hidden: Vec<f32> = tensor("hidden_states");
    for (layer, wanted) in (0..).zip(hidden.chunks_exact(HIDDEN)) {
        let got = &seen.get(Tap::HiddenStates(layer)).unwrap().values[(n - 1) * HIDDEN..];
        let error = off(got, wanted);
        assert!(error < TOLERANCE, "hidden_states.{layer} is {error} off");
        // Control: its neighbour differs.
        let other = (layer as usize + 1) % (LAYERS + 1);
        assert!(off(got, &hidden[other * HIDDEN..][..HIDDEN]) > TOLERANCE);
    }

    let attentions: Vec<f32> = tensor("attentions");
    for (layer, wanted) in (0..).zip(attentions.chunks_exact(HEADS * n)) {
        let got = &seen.get(Tap::Attentions(layer)).unwrap().values;
        let last_rows: Vec<f32> = got
            .chunks_exact(n * n)
            .flat_map(|head| &head[(n - 1) * n..])
            .copied()
            .collect();
        let error = off(&last_rows, wanted);
        assert!(error < TOLERANCE, "attentions.{layer} is {error} off");
    }

    let logits = &seen.get(Tap::Logits).unwrap().values;
    let wanted: Vec<f32> = tensor("logits");
    let ids_of: Vec<i32> = tensor("logits_ids");
    let vocab = logits.len() / n;
    for position in 0..n {
        let best = &ids_of[position * 20..][..20];
        let row = &logits[position * vocab..][..vocab];
        let got: Vec<f32> = best.iter().map(|id| row[*id as usize]).collect();
        let error = off(&got, &wanted[position * 20..][..20]);
        assert!(error < TOLERANCE, "logits at {position} are {error} off");
    }
}

#[test]
fn the_logit_lens_of_the_real_model_is_that_of_transformers() {
    let mut engine = load();
    let ids = document().prompt_ids;
    let request = TraceRequest {
        prompt: prompt(&ids),
        taps: Vec::new(),
        lens: Some(5),
        interventions: Vec::new(),
    };
    let seen = block_on(engine.trace(&request)).unwrap();
    assert_eq!(seen.lens.len(), LAYERS + 1);
    let logits: Vec<f32> = tensor("lens_logits");
    let best: Vec<i32> = tensor("lens_ids");
    let rows = seen.lens[..LAYERS].iter().flatten();
    for (index, row) in rows.enumerate() {
        let wanted = &logits[index * 5..][..5];
        let got: Vec<f32> = row.top.iter().map(|candidate| candidate.logit).collect();
        let error = off(&got, wanted);
        let (layer, position) = (index / ids.len(), index % ids.len());
        assert!(
            error < TOLERANCE,
            "lens.{layer} at {position} is {error} off"
        );
        // Two logits within the tolerance may change places.
        if wanted[0] - wanted[1] > 2.0 * TOLERANCE * wanted[0].abs() {
            assert_eq!(row.top[0].id as i32, best[index * 5]);
        }
    }
}

#[test]
fn head_scores_are_those_of_the_probabilities_that_transformers_sees() {
    let mut engine = load();
    let report = block_on(engine.head_scores(&prompt(&document().repeating_ids), &mut ())).unwrap();
    let wanted: Vec<f32> = tensor("scores");
    assert_eq!(report.heads.len(), LAYERS * HEADS);
    let mut most = 0.0_f64;
    for (head, wanted) in report.heads.iter().zip(wanted.chunks_exact(4)) {
        let got = [
            head.entropy,
            head.previous_token,
            head.first_token,
            head.induction.unwrap(),
        ];
        for (got, wanted) in got.iter().zip(wanted) {
            let error = (got - f64::from(*wanted)).abs();
            assert!(error < 1e-3, "{head:?}: {wanted}");
        }
        most = most.max(got[3]);
    }
    // Control: there is something to be found.
    assert!(most > 0.5, "{most}");
}

#[test]
fn ablated_heads_move_the_answer_as_far_as_in_transformers() {
    let mut engine = load();
    let document = document();
    let prompt = prompt(&document.prompt_ids);
    for Ablated { layer, head, kl } in document.ablated {
        let without = Intervention::Head {
            layer,
            head,
            factor: 0.0,
            mean: false,
        };
        let report = block_on(engine.ablate(&prompt, &[without], 1)).unwrap();
        assert!(
            (report.kl - kl).abs() < 1e-3 * kl,
            "{layer}.{head}: {} {kl}",
            report.kl
        );
        // The interventions are removed again.
        let after = block_on(engine.next(&prompt, 1)).unwrap().distribution.top;
        assert_eq!(after[0].logit, report.before.top[0].logit);
    }
}

#[test]
fn patches_restore_as_much_as_in_transformers() {
    let mut engine = load();
    let Document {
        prompt_ids,
        corrupt_ids,
        patch,
        ..
    } = document();
    let request = PatchRequest {
        clean: prompt(&prompt_ids),
        corrupt: prompt(&corrupt_ids),
        site: Default::default(),
        head: None,
        answer: None,
        against: None,
    };
    let report = block_on(engine.patch(&request, &mut ())).unwrap();
    assert_eq!(
        (report.answer.id, report.against.id),
        (patch.answer, patch.against)
    );
    for (layer, wanted) in patch.layers.iter().zip(&patch.restored) {
        for (got, wanted) in report.restored[*layer].iter().zip(wanted) {
            assert!((got - wanted).abs() < 1e-3, "layer {layer}: {got} {wanted}");
        }
    }
    // Control: the answer does move from one position to another.
    assert!(report.restored[0][3] > 0.9 && report.restored[29][3] < 0.1);
}
