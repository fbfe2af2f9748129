//! Sentences that depend on the state. The words are in `web/locales`.

use vitrine_protocol::{AdapterSummary, FailureKind, FinishReason, LoadPhase, Shards, StorageRoom};

use crate::format;
use crate::i18n::t;
use crate::phase::Phase;
use crate::recording::Damage;
use crate::strip::Origin;

/// Example prompts. They are input, not words of the page.
pub const EXAMPLES: [&str; 5] = [
    "The capital of France is",
    "The capital of Japan is",
    "Write an email apologizing to Sarah for the tragic gardening mishap. Explain how it happened.",
    "2 + 2 =",
    "請用一句話介紹台北 🏙️：",
];

/// The status in the header.
pub fn status(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => t("status-starting"),
        Phase::NoModel => t("status-no-model"),
        Phase::Loading => t("status-loading"),
        Phase::Ready => t("status-ready"),
        Phase::Generating => t("status-generating"),
        Phase::Failed => t("status-failed"),
    }
}

/// The adapter's name, marked if it is a software adapter.
pub fn adapter(adapter: &AdapterSummary) -> String {
    match adapter.device_type.as_str() {
        "Cpu" => t!("adapter-software", name = adapter.name.as_str()),
        _ => adapter.name.clone(),
    }
}

/// `Load smollm2-135m-instruct-q4_1 (98.3 MB)`.
pub fn load_button(name: &str, bytes: Option<u64>) -> String {
    let name = model_name(name);
    match bytes {
        Some(bytes) => t!(
            "load-button-sized",
            name = name,
            size = format::bytes(bytes)
        ),
        None => t!("load-button", name = name),
    }
}

/// A model's name as its makers write it, if known.
pub fn model_name(name: &str) -> &str {
    match name {
        "smollm2-135m-instruct-q4_1" => "SmolLM2-135M-Instruct",
        _ => name,
    }
}

/// Why a file is not a valid recording.
pub fn damage(damage: &Damage) -> String {
    match *damage {
        Damage::NoBeginning => t("recording-no-beginning").to_owned(),
        Damage::Line(line) => t!("recording-line", line = line),
        Damage::Misfit(line) => t!("recording-misfit", line = line),
        Damage::NoEnd => t("recording-no-end").to_owned(),
    }
}

/// A stage of loading.
pub fn load_phase(phase: LoadPhase) -> &'static str {
    match phase {
        LoadPhase::Download => t("phase-download"),
        LoadPhase::Keep => t("phase-keep"),
        LoadPhase::Upload => t("phase-upload"),
        LoadPhase::Compile => t("phase-compile"),
    }
}

/// `45.2 MB of 98.3 MB`, `step 1 of 2`.
pub fn load_done(phase: LoadPhase, done: u64, total: u64) -> String {
    match phase {
        LoadPhase::Download | LoadPhase::Keep | LoadPhase::Upload => t!(
            "bytes-of",
            done = format::bytes(done),
            total = format::bytes(total)
        ),
        LoadPhase::Compile => t!("step-of", done = done, total = total),
    }
}

/// `12.3 MB/s`; compiling has no rate.
pub fn load_rate(phase: LoadPhase, per_second: f64) -> String {
    match phase {
        LoadPhase::Download | LoadPhase::Keep | LoadPhase::Upload => {
            format!("{}/s", format::bytes(per_second as u64))
        }
        LoadPhase::Compile => String::new(),
    }
}

/// `Loading checkpoint shards: 1/2`, as transformers prints it.
pub fn shards(shards: Shards) -> String {
    t!("shards", done = shards.done, total = shards.total)
}

/// `Loading HuggingFaceTB/SmolLM2-135M`.
pub fn loading_heading(name: &str) -> String {
    t!("loading-name", name = model_name(name))
}

/// `1.20 GB of 7.64 GB`, or the size if complete.
pub fn stored_size(done: u64, bytes: u64, complete: bool) -> String {
    if complete {
        format::bytes(bytes)
    } else {
        load_done(LoadPhase::Download, done, bytes)
    }
}

/// `1.20 GB used, 58.3 GB free for this site.`
pub fn room(room: StorageRoom) -> String {
    t!(
        "storage-room",
        used = format::bytes(room.used),
        free = format::bytes(room.free)
    )
}

/// The label of a stored model's button, for screen readers: `Delete gpt2`.
pub fn of_model(action: &str, name: &str) -> String {
    format!("{action} {name}")
}

/// A word that is not a token id.
pub fn wrong_token_id(word: &str) -> String {
    t!("wrong-token-id", word = word)
}

/// `4 s left`.
pub fn time_left(seconds: f64) -> String {
    t!("time-left", time = format::whole_seconds(seconds))
}

/// The title of a failure.
pub fn failure_title(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::NoWebGpu => t("failure-no-webgpu"),
        FailureKind::NoAdapter => t("failure-no-adapter"),
        FailureKind::OutOfMemory => t("failure-out-of-memory"),
        FailureKind::DeviceLost => t("failure-device-lost"),
        FailureKind::Network => t("failure-network"),
        FailureKind::Storage => t("failure-storage"),
        FailureKind::Model => t("failure-model"),
        FailureKind::Request => t("failure-request"),
        FailureKind::Internal => t("failure-internal"),
    }
}

/// A crash of the worker.
pub fn worker_crashed(reason: &str) -> String {
    t!("worker-crashed", reason = reason)
}

/// `49,132 other tokens`.
pub fn rest(count: u32) -> String {
    t!("bars-rest", count = format::count(u64::from(count)))
}

/// The caption of the bars.
pub fn bars_caption(position: u32, token: &str, origin: Origin, newest: bool) -> String {
    match (origin, newest) {
        (Origin::Generated, true) => t!("bars-of-newest", token = token, position = position),
        (Origin::Generated, false) => t!("bars-of-generated", token = token, position = position),
        (Origin::Forced, _) => t!("bars-of-forced", token = token, position = position),
        (Origin::Prompt, _) => t!("bars-of-prompt", token = token, position = position),
    }
}

/// A prompt token that is not among the candidates.
pub fn not_among(token: &str) -> String {
    t!("bars-not-among", token = token)
}

/// Text for screen readers after a chip's token.
pub fn chip_description(position: u32, origin: Origin) -> String {
    match origin {
        Origin::Prompt => t!("token-of-prompt", position = position),
        Origin::Generated => t!("token-generated", position = position),
        Origin::Forced => t!("token-forced", position = position),
    }
}

/// `12 tokens: 5 prompt, 7 generated`.
pub fn token_counts(prompt: usize, generated: usize) -> String {
    t!(
        "token-counts",
        all = prompt + generated,
        prompt = prompt,
        generated = generated
    )
}

/// Why a run ended.
pub fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => t("end-stop"),
        FinishReason::Length => t("end-length"),
        FinishReason::Context => t("end-context"),
        FinishReason::Stopped => t("end-stopped"),
    }
}

/// The hint of the number field.
pub fn max_new_tokens_hint(max: Option<u32>) -> String {
    match max {
        Some(max) => t!("max-new-tokens-range", max = format::count(u64::from(max))),
        None => t("max-new-tokens-from-1").to_owned(),
    }
}

/// Announcement to screen readers: a model is ready.
pub fn announce_ready(name: &str) -> String {
    t!("announce-ready", name = name)
}

/// The number of loaded tensors of a model.
pub fn tensors_here(whole: u64, count: u64) -> String {
    t!("load-diagram-here", whole = whole, count = count)
}

/// A layer of a loading model.
pub fn load_layer(layer: u32) -> String {
    t!("load-part-layer", layer = layer)
}

/// The model named in the address.
pub fn linked(name: &str) -> String {
    t!("linked-offer", name = name)
}

/// The same, if this page does not know the model.
pub fn linked_nowhere(name: &str) -> String {
    t!("linked-nowhere", name = name)
}

/// The content of a frozen picture, for screen readers.
pub fn frozen(view: &str) -> String {
    t!("frozen-picture", view = view)
}

/// Announcement to screen readers: a run has ended.
pub fn announce_finished(text: &str) -> String {
    t!("announce-finished", text = text)
}

/// Announcement to screen readers: loading progress.
pub fn announce_progress(phase: LoadPhase, percent: u64) -> String {
    match phase {
        LoadPhase::Download | LoadPhase::Keep => t!(
            "announce-percent",
            phase = load_phase(phase),
            percent = percent
        ),
        LoadPhase::Upload | LoadPhase::Compile => format!("{}.", load_phase(phase)),
    }
}
