//! The selection, which all panels share.

use leptos::prelude::*;

use crate::view::View;

/// The selection. The selected position is `Strip::selected`.
#[derive(Clone, Copy)]
pub struct Selection {
    /// The panel on the stage.
    pub view: RwSignal<View>,
    /// The layer, from 0.
    pub layer: RwSignal<u32>,
    /// The query head, from 0.
    pub head: RwSignal<u32>,
    /// A candidate for the next token, by id.
    pub candidate: RwSignal<Option<u32>>,
}

impl Selection {
    /// The default: the first head of the first layer.
    pub fn new() -> Self {
        Self {
            view: RwSignal::new(View::default()),
            layer: RwSignal::new(0),
            head: RwSignal::new(0),
            candidate: RwSignal::new(None),
        }
    }

    /// Clamps layer and head to a model's size.
    pub fn fit(&self, layers: u32, heads: u32) {
        let within = |signal: RwSignal<u32>, count: u32| {
            if signal.get_untracked() >= count {
                signal.set(count.saturating_sub(1));
            }
        };
        within(self.layer, layers);
        within(self.head, heads);
    }

    /// Selects a head.
    pub fn select_head(&self, layer: u32, head: u32) {
        self.layer.set(layer);
        self.head.set(head);
    }
}
