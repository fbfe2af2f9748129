//! Activations of one run in another, at every site.

use pollster::block_on;
use vitrine_engine::{Engine, LoadOptions};
use vitrine_protocol::{Intervention, PatchRequest, PatchSite, Prompt};

use crate::fixture::{Fixture, TOLERANCE, gpu, off, trace};

/// Sites, the tap that sees each, and how many of a layer there are.
fn sites(heads: u32) -> [(PatchSite, &'static str, u32); 3] {
    [
        (PatchSite::Residual, "hidden_states", 1),
        (PatchSite::Head, "head_out", heads),
        (PatchSite::MlpOut, "mlp_out", 1),
    ]
}

/// What puts the run of `prompt` into another: all of a site in a layer, at these positions.
fn patches(
    engine: &mut Engine,
    prompt: &Prompt,
    site: (PatchSite, &str, u32),
    layer: u32,
    positions: &[u32],
) -> Vec<Intervention> {
    let (site, tap, parts) = site;
    let seen = trace(engine, prompt.clone(), &[&format!("{tap}.{layer}")], vec![]);
    let tensor = &seen.tensors[0];
    let width = tensor.values.len() / tensor.shape[0] / parts as usize;
    let part = |head: u32| -> Vec<f32> {
        let rows = positions.iter().map(|position| position * parts + head);
        let rows = rows.map(|row| &tensor.values[row as usize * width..][..width]);
        rows.flatten().copied().collect()
    };
    let patch = |head| Intervention::Patch {
        site,
        head,
        layer,
        positions: positions.to_vec(),
        values: part(head),
    };
    (0..parts).map(patch).collect()
}

/// The logits at the prompt's end.
fn logits(engine: &mut Engine, prompt: &Prompt, interventions: Vec<Intervention>) -> Vec<f32> {
    let seen = trace(engine, prompt.clone(), &["logits"], interventions);
    let tensor = &seen.tensors[0];
    tensor.values[tensor.values.len() - tensor.shape[1]..].to_vec()
}

fn reversed(fixture: &Fixture) -> Prompt {
    Prompt::Ids {
        ids: fixture.document.prompt_ids.iter().rev().copied().collect(),
    }
}

#[test]
fn a_runs_own_activations_change_nothing_and_all_of_another_run_give_its_answer() {
    let gpu = gpu();
    for name in ["llama", "llama-bias", "gemma3", "gpt2", "phi3"] {
        let fixture = Fixture::read(name);
        let mut engine = fixture.load(&gpu, &LoadOptions::default());
        let (own, other) = (fixture.prompt(), reversed(&fixture));
        let all: Vec<u32> = (0..fixture.document.prompt_ids.len() as u32).collect();
        let heads = engine.inspect(None).attention.heads;
        let layers = engine.summary().num_hidden_layers;
        let (here, there) = (
            logits(&mut engine, &own, vec![]),
            logits(&mut engine, &other, vec![]),
        );
        assert!(off(&here, &there) > 2.0 * TOLERANCE, "{name}");

        let mut everything = Vec::new();
        for site in sites(heads) {
            for layer in 0..layers {
                let same = patches(&mut engine, &own, site, layer, &all);
                let felt = off(&logits(&mut engine, &own, same), &here);
                assert!(felt < 1e-5, "{name}: own {} {layer}: {felt}", site.1);
                let others = patches(&mut engine, &other, site, layer, &all);
                if site.0 != PatchSite::Residual || layer == 0 {
                    everything.extend(others.clone());
                }
                // Control: activations of another run have an effect.
                let felt = off(&logits(&mut engine, &own, others), &here);
                assert!(felt > TOLERANCE, "{name}: other {} {layer}: {felt}", site.1);
            }
        }
        let felt = off(&logits(&mut engine, &own, everything.clone()), &there);
        assert!(felt < 1e-5, "{name}: everything of the other run: {felt}");
        // Control: all but the embeddings are not all.
        let is_residual = |one: &Intervention| {
            let site = PatchSite::Residual;
            matches!(one, Intervention::Patch { site: of, .. } if *of == site)
        };
        everything.retain(|one| !is_residual(one));
        let felt = off(&logits(&mut engine, &own, everything), &there);
        assert!(felt > TOLERANCE, "{name}: all but the embeddings: {felt}");
    }
}

#[test]
fn maps_of_every_site_are_what_single_patches_restore() {
    const ANSWERS: [u32; 2] = [1, 2];
    let gpu = gpu();
    for name in ["llama", "gemma3"] {
        let fixture = Fixture::read(name);
        let mut engine = fixture.load(&gpu, &LoadOptions::default());
        let (clean, corrupt) = (fixture.prompt(), reversed(&fixture));
        let heads = engine.inspect(None).attention.heads;
        let last = engine.summary().num_hidden_layers - 1;
        let end = fixture.document.prompt_ids.len() as u32 - 1;
        let lead = |logits: &[f32]| {
            let [answer, against] = ANSWERS.map(|id| f64::from(logits[id as usize]));
            answer - against
        };
        let ends = [&clean, &corrupt].map(|prompt| lead(&logits(&mut engine, prompt, vec![])));
        for site in sites(heads) {
            let mut map = |head: Option<u32>| {
                let request = PatchRequest {
                    clean: clean.clone(),
                    corrupt: corrupt.clone(),
                    site: site.0,
                    head,
                    answer: Some(ANSWERS[0]),
                    against: Some(ANSWERS[1]),
                };
                block_on(engine.patch(&request, &mut ())).unwrap()
            };
            let (whole, one) = (map(None), map(Some(heads - 1)));
            assert_eq!((whole.site, whole.head), (site.0, None));
            for (layer, position) in [(0, 0), (last, end), (1, end / 2)] {
                let cell = (layer as usize, position as usize);
                let all = patches(&mut engine, &clean, site, layer, &[position]);
                let last_part = all[all.len() - 1..].to_vec();
                for (map, patches) in [(&whole, all), (&one, last_part)] {
                    let lead = lead(&logits(&mut engine, &corrupt, patches));
                    let wanted = (lead - ends[1]) / (ends[0] - ends[1]);
                    let got = map.restored[cell.0][cell.1];
                    let what = format!("{name}: {} at {cell:?}", site.1);
                    assert!((got - wanted).abs() < 1e-4, "{what}: {got} {wanted}");
                }
            }
            // Of the last layer only the last position is read, but it attends to the others.
            let row = &whole.restored[last as usize];
            let (before, at_the_end) = row.split_at(end as usize);
            let unread = before.iter().all(|share| share.abs() < 1e-5);
            assert_eq!(unread, site.0 != PatchSite::Residual, "{name}: {row:?}");
            assert!(at_the_end[0].abs() > 1e-3, "{name}: {row:?}");
            // One head is not all of them.
            let same = whole.restored == one.restored;
            assert_eq!(same, site.0 != PatchSite::Head, "{name}: {}", site.1);
        }
    }
}
