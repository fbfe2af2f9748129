//! Recordings that the user picks or drops.

use leptos::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use crate::i18n::t;
use crate::recording::{Recordings, read};
use crate::state::State;
use crate::strings;

/// Maximum bytes of a recording.
const MOST_BYTES: f64 = 256e6;

/// Whether a dropped file is a recording, not part of a model.
pub fn is_recording(path: &str) -> bool {
    path.to_ascii_lowercase().ends_with(".jsonl")
}

impl Recordings {
    /// Opens a file, or reports why it cannot be opened.
    pub async fn open_file(&self, state: State, file: File) {
        self.failure.set(None);
        match self.read_file(&file).await {
            Ok(recording) => self.open(state, recording),
            Err(failure) => self.failure.set(Some(failure)),
        }
    }

    async fn read_file(&self, file: &File) -> Result<super::Recording, String> {
        let name = file.name();
        if file.size() > MOST_BYTES {
            return Err(t!("recording-too-large", name = name));
        }
        let text = JsFuture::from(file.text()).await;
        let text = text.ok().and_then(|text| text.as_string());
        let text = text.ok_or_else(|| t!("recording-unreadable", name = name.as_str()))?;
        read(&text).map_err(|damage| strings::damage(&damage))
    }
}
