//! What packets say against the tensors that they sum up.

use pollster::block_on;
use vitrine_engine::{Tap, Tapped};
use vitrine_model::{LensRequest, Model, Packet, Prediction, Span};
use vitrine_protocol::PacketParts;

use crate::fixture::{Fixture, load};

const ALL: PacketParts = PacketParts::ALL;

fn close(a: f32, b: f32, what: &str) {
    assert!((a - b).abs() < 2e-3 * b.abs().max(1.0), "{what}: {a} {b}");
}

fn norm(values: &[f32]) -> f32 {
    values.iter().map(|x| x * x).sum::<f32>().sqrt()
}

/// The last position of a tensor, by head where it has heads first.
fn last(tensor: &Tapped) -> Vec<&[f32]> {
    let by_head = matches!(tensor.tap, Tap::K(_) | Tap::V(_) | Tap::Attentions(_));
    let (heads, positions) = match by_head {
        true => (tensor.shape[0], tensor.shape[1]),
        false => (1, tensor.shape[0]),
    };
    let width = tensor.values.len() / heads / positions;
    let row = |head: usize| {
        let start = (head * positions + positions - 1) * width;
        &tensor.values[start..start + width]
    };
    (0..heads).map(row).collect()
}

#[test]
fn packets_sum_up_what_taps_see() {
    for name in [
        "llama",
        "gpt2",
        "gemma3",
        "phi3-window",
        "qwen3",
        "llama-odd",
        "gemma3-softcap",
    ] {
        let fixture = Fixture::read(name);
        let mut model = load(&fixture);
        let ids = &fixture.document.prompt_ids;
        let config = model.config().clone();
        let list = "hidden_states,attentions,k,v,mlp_act,logits";
        let taps = Tap::parse_list(list, &config).unwrap();
        let lens = LensRequest {
            top: 5,
            targets: vec![],
        };
        let seen = block_on(model.trace(ids, &taps, 5, Some(lens))).unwrap();
        let get = |tap: Tap| {
            last(
                seen.tensors
                    .iter()
                    .find(|tensor| tensor.tap == tap)
                    .unwrap(),
            )
        };

        model.watch(ALL).unwrap();
        let prediction = block_on(model.prefill(ids, 5).unwrap().prediction()).unwrap();
        assert_eq!(prediction.chosen.id, seen.prediction.chosen.id, "{name}");
        let packet = prediction.packet.as_ref().unwrap();
        let layers = config.num_hidden_layers();
        assert_eq!(packet.residual.len() as u32, 2 * layers + 1);
        for layer in 0..layers {
            let what = format!("{name}, layer {layer}");
            let index = layer as usize;
            let hidden = get(Tap::HiddenStates(layer))[0];
            close(packet.residual[2 * index][0], norm(hidden), &what);
            for (head, probs) in get(Tap::Attentions(layer)).iter().enumerate() {
                let stats = packet.heads[index][head];
                let highest = probs.iter().copied().fold(0.0, f32::max);
                close(stats.max_probability, highest, &what);
                close(probs[stats.argmax as usize], highest, &what);
                close(stats.first_token, probs[0], &what);
                let logs = probs.iter().filter(|prob| **prob > 0.0);
                let entropy: f32 = logs.map(|prob| -prob * prob.ln()).sum();
                close(stats.entropy, entropy, &what);
            }
            for (head, key) in get(Tap::K(layer)).iter().enumerate() {
                close(packet.keys[index][head], norm(key), &what);
            }
            for (head, value) in get(Tap::V(layer)).iter().enumerate() {
                close(packet.values[index][head], norm(value), &what);
            }
            let neurons = get(Tap::MlpAct(layer))[0];
            let strongest = neurons.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
            assert_eq!(packet.neurons[index].len(), 8.min(neurons.len()), "{what}");
            close(packet.neurons[index][0].1.abs(), strongest, &what);
            for (id, activation) in &packet.neurons[index] {
                close(*activation, neurons[*id as usize], &what);
            }
            let lens = &packet.lens[index];
            let wanted = seen.lens[index].last().unwrap();
            assert_eq!(lens.top.len(), 5);
            close(lens.top[0].1, wanted.top[0].1, &what);
            close(lens.logsumexp, wanted.logsumexp, &what);
        }
        let changes = packet.residual[1..].iter().map(|[_, change]| *change);
        assert!(changes.clone().all(|change| change > 0.0), "{name}");
        check_logits(packet, get(Tap::Logits)[0], name);
        check_timings(&model, &prediction.spans, name);
    }
}

/// The stages come in the order of the pass, each once, and none takes longer than all.
fn check_timings(model: &Model, spans: &[Span], name: &str) {
    if !model.gpu().caps().timestamps {
        assert!(spans.is_empty(), "{name}");
        return;
    }
    let layers = model.config().num_hidden_layers();
    let mut found: Vec<_> = spans
        .iter()
        .map(|span| (span.place.stage, span.place.layer))
        .collect();
    // Consecutive spans may belong to the same stage.
    found.dedup();
    let of_layer = |layer| [("attention", Some(layer)), ("mlp", Some(layer))];
    let mut right = vec![("embed", None)];
    right.extend((0..layers).flat_map(of_layer));
    right.extend([("head", None), ("choice", None), ("packet", None)]);
    assert_eq!(found, right, "{name}");
    let all: f64 = spans.iter().map(|span| span.seconds).sum();
    assert!(all > 0.0 && all < 60.0, "{name}: {all} s");
}

fn check_logits(packet: &Packet, logits: &[f32], name: &str) {
    let stats = packet.logits.unwrap();
    let (entropy, _) = vitrine_kernels::cpu::logit_stats(logits);
    close(stats.entropy, entropy, name);
    assert_eq!(stats.counts.iter().sum::<u32>() as usize, logits.len());
    // The control: half of the vocabulary has another entropy.
    let (other, _) = vitrine_kernels::cpu::logit_stats(&logits[..logits.len() / 2]);
    assert!((stats.entropy - other).abs() > 2e-3 * other, "{name}");
}

#[test]
fn the_lens_of_every_nth_layer_is_part_of_the_whole() {
    let fixture = Fixture::read("qwen3");
    let mut model = load(&fixture);
    let ids = &fixture.document.prompt_ids;
    let layers = model.config().num_hidden_layers() as usize;
    let mut lens = |lens_every: u32| {
        let only = PacketParts::LENS.with_lens_every(lens_every);
        model.watch(only).unwrap();
        let prediction = block_on(model.prefill(ids, 0).unwrap().prediction()).unwrap();
        prediction.packet.unwrap().lens
    };
    let whole = lens(1);
    assert_eq!(whole.len(), layers);
    for every in [2, 3, 256] {
        let some = lens(every);
        let wanted: Vec<_> = whole.iter().step_by(every as usize).cloned().collect();
        assert_eq!(some, wanted, "every {every}");
    }
    // Control: layers differ.
    assert_ne!(whole[0], whole[1]);
}

/// Where the lens may take a sixth of the time, tokens that have it have the whole of it.
#[test]
fn a_paced_lens_is_that_of_the_token_or_not_there() {
    let fixture = Fixture::read("qwen3");
    let mut model = load(&fixture);
    let (prompt, rest) = fixture.document.prompt_ids.split_at(1);
    let mut lenses = |lens_paced: bool| -> Vec<_> {
        let parts = match lens_paced {
            true => ALL.with(PacketParts::LENS_PACED),
            false => ALL,
        };
        model.watch(parts).unwrap();
        let mut pending = vec![model.prefill(prompt, 0).unwrap()];
        // Started one after the other: the cost of the first is not known yet.
        pending.extend(rest.iter().map(|_| model.decode(0).unwrap()));
        let packets = pending.into_iter().map(|pending| {
            let packet = block_on(pending.prediction()).unwrap().packet.unwrap();
            assert!(packet.logits.is_some() && !packet.heads.is_empty());
            packet.lens
        });
        packets.collect()
    };
    let whole = lenses(false);
    let paced = lenses(true);
    assert!(whole.iter().all(|lens| !lens.is_empty()));
    assert_eq!(paced[0], whole[0]);
    assert!(paced[1].is_empty());
    for (paced, whole) in paced.iter().zip(&whole) {
        assert!(paced.is_empty() || paced == whole);
    }
    // Control: tokens differ.
    assert_ne!(whole[0], whole[1]);
}

/// Inspection changes no bit of the predictions, and parts that were not requested are absent.
#[test]
fn inspected_tokens_are_the_same() {
    let fixture = Fixture::read("llama");
    let mut model = load(&fixture);
    let (first, rest) = fixture.document.prompt_ids.split_at(1);
    let decode = |model: &mut Model| -> Vec<Prediction> {
        let mut predictions =
            vec![block_on(model.prefill(first, 64).unwrap().prediction()).unwrap()];
        for _ in rest {
            predictions.push(block_on(model.decode(64).unwrap().prediction()).unwrap());
        }
        predictions
    };
    let plain = decode(&mut model);
    assert!(plain.iter().all(|prediction| prediction.packet.is_none()));
    model.watch(ALL).unwrap();
    let watched = decode(&mut model);
    for (plain, watched) in plain.iter().zip(&watched) {
        assert_eq!(plain.chosen, watched.chosen);
        assert_eq!(plain.top, watched.top);
    }
    model.watch(PacketParts::HEADS).unwrap();
    let packet = decode(&mut model).pop().unwrap().packet.unwrap();
    let last = watched.last().unwrap().packet.clone().unwrap();
    assert_eq!(packet.heads, last.heads);
    assert_eq!(
        Packet {
            heads: vec![],
            ..packet
        },
        Packet::default()
    );
    model.watch(PacketParts::default()).unwrap();
    assert_eq!(decode(&mut model), plain);
}
