//! The sampling settings of the page.

use leptos::prelude::*;
use vitrine_protocol::SamplingParams;

/// The fields of [`SamplingParams`], each as a signal.
#[derive(Clone, Copy)]
pub struct SamplingSettings {
    /// Draw at random instead of choosing the most probable token.
    pub do_sample: RwSignal<bool>,
    /// `temperature`.
    pub temperature: RwSignal<f64>,
    /// `top_k`; an integer.
    pub top_k: RwSignal<f64>,
    /// `top_p`.
    pub top_p: RwSignal<f64>,
    /// `min_p`.
    pub min_p: RwSignal<f64>,
    /// `repetition_penalty`.
    pub repetition_penalty: RwSignal<f64>,
    /// `presence_penalty`.
    pub presence_penalty: RwSignal<f64>,
    /// `frequency_penalty`.
    pub frequency_penalty: RwSignal<f64>,
    /// `seed`; an integer.
    pub seed: RwSignal<f64>,
}

impl SamplingSettings {
    /// The default: greedy.
    pub fn new() -> Self {
        let usual = SamplingParams::default();
        Self {
            do_sample: RwSignal::new(usual.do_sample),
            temperature: RwSignal::new(usual.temperature),
            top_k: RwSignal::new(f64::from(usual.top_k)),
            top_p: RwSignal::new(usual.top_p),
            min_p: RwSignal::new(usual.min_p),
            repetition_penalty: RwSignal::new(usual.repetition_penalty),
            presence_penalty: RwSignal::new(usual.presence_penalty),
            frequency_penalty: RwSignal::new(usual.frequency_penalty),
            seed: RwSignal::new(usual.seed as f64),
        }
    }

    /// As the engine's parameters. Tracks all.
    pub fn params(&self) -> SamplingParams {
        SamplingParams {
            do_sample: self.do_sample.get(),
            temperature: self.temperature.get(),
            top_k: self.top_k.get() as u32,
            top_p: self.top_p.get(),
            min_p: self.min_p.get(),
            repetition_penalty: self.repetition_penalty.get(),
            presence_penalty: self.presence_penalty.get(),
            frequency_penalty: self.frequency_penalty.get(),
            seed: self.seed.get() as u64,
        }
    }

    /// The settings by transformers' names, with their defaults.
    fn numbers(&self) -> [(&'static str, RwSignal<f64>, f64); 8] {
        let usual = SamplingParams::default();
        [
            ("temperature", self.temperature, usual.temperature),
            ("top_k", self.top_k, f64::from(usual.top_k)),
            ("top_p", self.top_p, usual.top_p),
            ("min_p", self.min_p, usual.min_p),
            (
                "repetition_penalty",
                self.repetition_penalty,
                usual.repetition_penalty,
            ),
            (
                "presence_penalty",
                self.presence_penalty,
                usual.presence_penalty,
            ),
            (
                "frequency_penalty",
                self.frequency_penalty,
                usual.frequency_penalty,
            ),
            ("seed", self.seed, usual.seed as f64),
        ]
    }

    /// Reads the settings of an address; missing ones get their defaults.
    pub fn read(&self, get: &dyn Fn(&str) -> Option<String>) {
        self.do_sample.set(get("do_sample").is_some());
        for (name, signal, usual) in self.numbers() {
            let value = get(name).and_then(|text| text.parse::<f64>().ok());
            signal.set(value.filter(|value| value.is_finite()).unwrap_or(usual));
        }
    }

    /// The settings that differ from the defaults. Tracks all.
    pub fn write(&self, put: &dyn Fn(&str, String)) {
        if self.do_sample.get() {
            put("do_sample", String::from("1"));
        }
        for (name, signal, usual) in self.numbers() {
            let value = signal.get();
            if value != usual {
                put(name, value.to_string());
            }
        }
    }
}
