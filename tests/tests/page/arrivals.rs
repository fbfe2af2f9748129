//! The diagram of a loading model, from its first tensor to its last.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;

/// The diagram at one moment.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Moment {
    /// Whether it shows the upload to the GPU instead of the download.
    pub gpu: bool,
    pub tensors: u64,
    pub whole: u64,
    pub bytes: u64,
    pub here: u64,
}

/// Notes down every change of the diagram from now on.
pub async fn watch(app: &App<'_>) {
    let script = "
        const moments = window.moments = [];
        const note = () => {
            const shown = document.querySelector('[data-testid=tensors-here]');
            if (!shown) return;
            const { tensors, whole, bytes, here } = shown.dataset;
            const gpu = document.querySelector('[data-testid=load-diagram] .load-gpu[d]') !== null;
            const [t, w, b, h] = [tensors, whole, bytes, here].map(Number);
            const last = moments.at(-1);
            if (last?.gpu === gpu && last?.here === h && last?.tensors === t) return;
            moments.push({ gpu, tensors: t, whole: w, bytes: b, here: h });
        };
        new MutationObserver(note).observe(document.body,
            { subtree: true, childList: true, attributes: true });";
    let _: Value = app.script(script, json!(null)).await;
}

/// The samples, after checks that hold for every model.
pub async fn moments(app: &App<'_>) -> Vec<Moment> {
    let moments: Vec<Moment> = app.script("return window.moments", json!(null)).await;
    for pair in moments.windows(2) {
        let grows = pair[0].gpu != pair[1].gpu || pair[0].here <= pair[1].here;
        assert!(grows, "bytes go: {pair:?}");
        assert!(pair[0].tensors <= pair[1].tensors, "tensors go: {pair:?}");
    }
    for it in &moments {
        assert!(it.here <= it.bytes && it.whole <= it.tensors, "{it:?}");
    }
    moments
}
