//! Folders in Hugging Face format.

use vitrine_checkpoint::Config;

use crate::fixture::{Fixture, TOLERANCE, load, logits, off};

fn check(name: &str) {
    let fixture = Fixture::read("architectures", name);
    fixture.check(&mut load(fixture.files()));
    // The same model in other spellings.
    let config = Config::from_json(&serde_json::to_vec(&fixture.config()).unwrap()).unwrap();
    for (name, spelling) in &fixture.golden.spellings {
        let spelling = Config::from_json(&serde_json::to_vec(spelling).unwrap());
        assert_eq!(spelling.unwrap(), config, "{name}");
    }
    // Controls: changes that matter to transformers matter here as much.
    for control in &fixture.golden.controls {
        let mut config = fixture.config();
        config.extend(control.change.clone());
        let sequences = &fixture.golden.sequences;
        let sequence = sequences.iter().find(|each| each.name == control.sequence);
        let mut engine = load(fixture.with_config(&config));
        let got = logits(&mut engine, &sequence.unwrap().prompt_ids);
        let felt = off(&got, &fixture.reference(&control.sequence));
        assert!(
            (felt - control.difference).abs() < 2.0 * TOLERANCE,
            "{:?} is felt by {felt} instead of {}",
            control.change,
            control.difference
        );
    }
}

crate::fixtures! {
    "architectures", check,
    gemma3: "gemma3",
    gemma3_old: "gemma3-old",
    gemma3_softcap: "gemma3-softcap",
    gpt2: "gpt2",
    gpt2_hub: "gpt2-hub",
    gpt2_scaled: "gpt2-scaled",
    llama: "llama",
    llama_bias: "llama-bias",
    llama_gelu: "llama-gelu",
    llama_odd: "llama-odd",
    llama_old: "llama-old",
    llama_dynamic: "llama-dynamic",
    llama_linear: "llama-linear",
    llama_llama3: "llama-llama3",
    llama_mqa: "llama-mqa",
    mistral: "mistral",
    mistral_full: "mistral-full",
    mistral_long: "mistral-long",
    phi3: "phi3",
    phi3_longrope: "phi3-longrope",
    phi3_longrope_long: "phi3-longrope-long",
    phi3_longrope_partial: "phi3-longrope-partial",
    phi3_longrope_window: "phi3-longrope-window",
    phi3_window: "phi3-window",
    qwen2: "qwen2",
    qwen2_head: "qwen2-head",
    qwen2_window: "qwen2-window",
    qwen3: "qwen3",
    qwen3_window: "qwen3-window",
}
