use vitrine_engine::{LoadOptions, Tap};

use crate::fixture::{ALL, Fixture, TOLERANCE, gpu, off, trace};

/// All that can be looked at.
const TAPS: [&str; 12] = [
    "embedding",
    "hidden_states",
    "q",
    "k",
    "v",
    "attentions",
    "head_out",
    "attn_out",
    "mlp_act",
    "mlp_out",
    "lens",
    "logits",
];

#[test]
fn what_is_inside_is_what_transformers_sees() {
    let gpu = gpu();
    for name in ALL {
        let fixture = Fixture::read(name);
        let mut engine = fixture.load(&gpu, &LoadOptions::default());
        let seen = trace(&mut engine, fixture.prompt(), &TAPS, vec![]);
        let mut compared = 0;
        let mut worst = (0.0, String::new());
        for wanted in &fixture.tensors {
            let Ok(tap) = wanted.name.parse::<Tap>() else {
                continue;
            };
            let got = seen.get(tap).unwrap();
            let kept = match tap {
                Tap::Lens(_) => &fixture.document.lens_rows,
                _ => &fixture.document.rows,
            };
            let got = rows(tap, &got.shape, &got.values, kept);
            let off = off(&got, &wanted.values);
            if off > worst.0 {
                worst = (off, wanted.name.clone());
            }
            assert!(off < TOLERANCE, "{name}: {tap} is {off} off");
            compared += 1;
        }
        assert_eq!(
            compared,
            seen.tensors.len() - usize::from(!has(&fixture, "embedding"))
        );
        println!(
            "{name}: {compared} tensors, at most {:e} off ({})",
            worst.0, worst.1
        );
    }
}

fn has(fixture: &Fixture, name: &str) -> bool {
    fixture.tensors.iter().any(|tensor| tensor.name == name)
}

/// The kept positions of a whole tensor.
fn rows(tap: Tap, shape: &[usize], values: &[f32], rows: &[usize]) -> Vec<f32> {
    let by_head = matches!(tap, Tap::Q(_) | Tap::K(_) | Tap::V(_) | Tap::Attentions(_));
    let (heads, positions) = if by_head {
        (shape[0], shape[1])
    } else {
        (1, shape[0])
    };
    let width = values.len() / heads / positions;
    let mut kept = Vec::new();
    for head in 0..heads {
        for row in rows {
            let start = (head * positions + row) * width;
            kept.extend_from_slice(&values[start..start + width]);
        }
    }
    kept
}

#[test]
fn attention_sums_to_one_and_masks_exactly() {
    let gpu = gpu();
    for name in [
        "llama",
        "phi3-window",
        "gemma3",
        "qwen2-window",
        "mistral-long",
    ] {
        let fixture = Fixture::read(name);
        let mut engine = fixture.load(&gpu, &LoadOptions::default());
        let seen = trace(&mut engine, fixture.prompt(), &["attentions"], vec![]);
        let mut masked_by_window = 0;
        for tensor in &seen.tensors {
            let positions = tensor.shape[1];
            for (index, row) in tensor.values.chunks_exact(positions).enumerate() {
                let at = index % positions;
                let sum: f32 = row.iter().sum();
                assert!(
                    (sum - 1.0).abs() < 1e-5,
                    "{name}: {} sums to {sum}",
                    tensor.tap
                );
                assert!(row[at + 1..].iter().all(|prob| *prob == 0.0));
                masked_by_window += row[..at].iter().filter(|prob| **prob == 0.0).count();
            }
        }
        let has_window = name != "llama";
        assert_eq!(masked_by_window > 0, has_window, "{name}");
    }
}

#[test]
fn what_does_not_exist_is_refused_in_one_sentence() {
    let gpu = gpu();
    let fixture = Fixture::read("llama");
    let mut engine = fixture.load(&gpu, &LoadOptions::default());
    for (taps, expected) in [
        ("thoughts", "There is no tap \"thoughts\""),
        (
            "q.99",
            "There is no tap \"q.99\" in this model: the highest index of this tap is",
        ),
        ("hidden_states.x", "There is no tap \"hidden_states.x\""),
    ] {
        let request = vitrine_protocol::TraceRequest {
            prompt: fixture.prompt(),
            taps: vec![taps.to_owned()],
            lens: None,
            interventions: vec![],
        };
        let error = pollster::block_on(engine.trace(&request)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
