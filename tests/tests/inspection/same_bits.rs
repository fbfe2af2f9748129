//! Looking changes nothing.

use pollster::block_on;
use vitrine_engine::{Dtype, KvDtype, LoadOptions, Tap};

use crate::fixture::{Fixture, gpu, load, trace};

#[test]
fn tapped_and_untapped_runs_give_the_same_bits() {
    let gpu = gpu();
    for (name, dtype, kv_dtype) in [
        ("llama", Dtype::F32, None),
        ("llama-odd", Dtype::F16, None),
        ("gemma3", Dtype::F32, None),
        ("gemma3", Dtype::F32, Some(KvDtype::Q8)),
        ("gpt2", Dtype::F32, None),
        ("mistral-long", Dtype::F32, None),
        ("mistral-long", Dtype::F16, Some(KvDtype::Q8)),
        ("phi3-window", Dtype::F16, None),
    ] {
        let fixture = Fixture::read(name);
        let options = LoadOptions {
            dtype,
            kv_dtype,
            ..LoadOptions::default()
        };
        let mut engine = fixture.load(&gpu, &options);
        let plain = block_on(engine.next(&fixture.prompt(), 64)).unwrap();
        let everything = [
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
        ];
        let tapped = trace(&mut engine, fixture.prompt(), &everything, vec![]);
        assert_eq!(plain.distribution, tapped.distribution, "{name}");
        // The control: another prompt has other bits.
        let mut ids = fixture.document.prompt_ids.clone();
        *ids.last_mut().unwrap() ^= 1;
        let prompt = vitrine_protocol::Prompt::Ids { ids };
        let other = trace(&mut engine, prompt, &everything, vec![]);
        assert_ne!(plain.distribution, other.distribution, "{name}");
    }
}

/// Inspection costs nothing when off: the plan is the same, kernel by kernel, also after an inspection.
#[test]
fn a_plan_without_taps_is_the_plan() {
    for name in ["llama", "gemma3", "gpt2"] {
        let mut model = load(&Fixture::read(name));
        let [plain, untapped] = model.kernels(&[]).unwrap();
        assert_eq!(plain, untapped, "{name}");
        // The control: a tap on attention takes another permutation, and one kernel more.
        let taps = [Tap::Attentions(0)];
        let [_, tapped] = model.kernels(&taps).unwrap();
        assert_eq!(tapped.len(), plain.len() + 1, "{name}");
        assert_ne!(tapped[..plain.len()], plain[..], "{name}");
        block_on(model.trace(&[1, 2, 3], &taps, 0, None)).unwrap();
        assert_eq!(
            model.kernels(&[]).unwrap(),
            [plain.clone(), plain],
            "{name}"
        );
    }
}
