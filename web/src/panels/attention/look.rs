//! Colours of probabilities in this panel.

use leptos::prelude::*;

use crate::draw::colour::{self, Rgb};
use crate::draw::legend::legend;
use crate::format;
use crate::i18n::t;

/// Display options, chosen by the user.
#[derive(Clone, Copy)]
pub struct Look {
    /// Colour by the square root, which makes small probabilities distinguishable.
    pub root: RwSignal<bool>,
    /// Hide position 0, to which many heads attend by default.
    pub hide_first: RwSignal<bool>,
}

impl Look {
    pub fn new() -> Self {
        Self {
            root: RwSignal::new(true),
            hide_first: RwSignal::new(false),
        }
    }

    /// The lightness of a probability, from 0 to 1. Tracks the options.
    pub fn shade(&self, probability: f64) -> f64 {
        if self.root.get() {
            probability.max(0.0).sqrt()
        } else {
            probability
        }
    }

    /// The colours of probabilities from 0 to 1. Tracks the options.
    pub fn palette(&self) -> Vec<Rgb> {
        (0..=255)
            .map(|step| colour::magnitude(self.shade(f64::from(step) / 255.0)))
            .collect()
    }

    /// The colours, labelled with probabilities. Tracks the options.
    pub fn legend(&self) -> impl IntoView + use<> {
        let words = [0.0, 0.01, 0.1, 0.25, 0.5, 1.0]
            .into_iter()
            .filter(|&it| self.root.get() || it != 0.01)
            .map(|it| match it {
                0.0 => (0.0, String::from("0")),
                it => (self.shade(it), format!("{} %", it * 100.0)),
            })
            .collect();
        legend(280.0, colour::magnitude, words)
    }
}

/// Checkboxes for the options.
#[component]
pub fn LookChoices(look: Look) -> impl IntoView {
    let check = move |id: &'static str, label: &'static str, value: RwSignal<bool>| {
        view! {
            <label class="check">
                <input
                    type="checkbox"
                    data-testid=id
                    prop:checked=move || value.get()
                    on:change=move |event| value.set(event_target_checked(&event))
                />
                <span>{label}</span>
            </label>
        }
    };
    view! {
        {check("attention-root", t("attention-root"), look.root)}
        {check("attention-hide-first", t("attention-hide-first"), look.hide_first)}
    }
}

/// A metric's value in words.
pub fn value_words(value: f64, is_entropy: bool) -> String {
    if is_entropy {
        format::nats(value)
    } else {
        format::percent(value)
    }
}
