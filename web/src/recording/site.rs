//! The recordings of the site, made by `cargo xtask record`.

use leptos::prelude::*;
use serde::Deserialize;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use crate::i18n::t;
use crate::recording::read;
use crate::state::State;
use crate::strings;

/// Their folder, relative to the page.
const FOLDER: &str = "recordings";

/// A recording of the site.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SiteRecording {
    /// Its file without `.jsonl`.
    pub name: String,
    /// The prompt, shown for choosing.
    pub prompt: String,
}

/// All recordings of the site.
pub fn site_recordings() -> Vec<SiteRecording> {
    let list = include_str!("../../static/recordings/index.json");
    // The list is compiled into the page, and a test checks that it can be read.
    serde_json::from_str(list).unwrap_or_default()
}

impl SiteRecording {
    /// Fetches and shows the recording.
    pub async fn open(&self, state: State) {
        let recordings = state.recordings;
        recordings.failure.set(None);
        match self.fetch().await {
            Some(text) => match read(&text) {
                Ok(recording) => recordings.open(state, recording),
                Err(damage) => recordings.failure.set(Some(strings::damage(&damage))),
            },
            None => {
                let failure = t("recording-unreachable").to_owned();
                recordings.failure.set(Some(failure));
            }
        }
    }

    async fn fetch(&self) -> Option<String> {
        let url = format!("{FOLDER}/{}.jsonl", self.name);
        let response = JsFuture::from(window().fetch_with_str(&url)).await.ok()?;
        let response: Response = response.dyn_into().ok()?;
        if !response.ok() {
            return None;
        }
        JsFuture::from(response.text().ok()?)
            .await
            .ok()?
            .as_string()
    }
}

#[cfg(test)]
mod tests {
    use super::site_recordings;
    use crate::recording::read;

    #[test]
    fn each_recording_of_the_site_can_be_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/static/recordings");
        assert!(!site_recordings().is_empty());
        for recording in site_recordings() {
            let path = format!("{folder}/{}.jsonl", recording.name);
            let text = std::fs::read_to_string(path).expect("it lies in static/recordings");
            let read = read(&text).expect("it is whole");
            assert_eq!(read.prompt_text(), recording.prompt);
            assert!(read.steps.iter().all(|step| step.packet.is_some()));
        }
    }
}
