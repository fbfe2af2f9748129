//! Every word the page says, in one place.

use vitrine_protocol::{AdapterSummary, FailureKind, FinishReason, LoadPhase, Shards, StorageRoom};

use crate::format;
use crate::phase::Phase;
use crate::settings::Theme;
use crate::strip::Origin;

pub const BRAND: &str = "Vitrine";
pub const TAGLINE: &str = "watch a language model choose its next token";

pub const EXAMPLES: [&str; 5] = [
    "The capital of France is",
    "The capital of Japan is",
    "Write an email apologizing to Sarah for the tragic gardening mishap. Explain how it happened.",
    "2 + 2 =",
    "請用一句話介紹台北 🏙️：",
];

pub const PROMPT_HEADING: &str = "Prompt";
pub const PROMPT_LABEL: &str = "Text for the model to continue";
pub const EXAMPLES_LABEL: &str = "Examples";
pub const CHAT_LABEL: &str = "Chat";
pub const CHAT_AS_IDS: &str = "Token ids go to the model as they are.";
pub const AS_IDS_LABEL: &str = "Token ids";
pub const PROMPT_IDS_LABEL: &str = "Token ids to continue: 1 450 7483";
pub const CHAT_TEMPLATE: &str = "Chat puts the prompt into the model's own template.";
pub const CHAT_NO_TEMPLATE: &str = "No chat: this model's file has no chat template.";
pub const CHAT_NO_MODEL: &str = "Chat is there once a model with a chat template is loaded.";
pub const MAX_NEW_TOKENS_LABEL: &str = "New tokens, at most";
pub const GENERATE: &str = "Generate";
pub const GENERATE_HINT: &str = "or Ctrl + Enter";
pub const STOP: &str = "Stop";
pub const EMPTY_PROMPT: &str = "The prompt is empty: type a few words, or take an example.";

pub const STRIP_HEADING: &str = "Tokens";
pub const STRIP_LABEL: &str = "Tokens of the prompt and of the answer";
pub const STRIP_EMPTY: &str = "The tokens of the prompt and of the answer will stand here.";
pub const STRIP_HINT: &str = "Select a token to see what it was chosen among. Arrow keys move the \
                              selection, Escape follows the newest.";
pub const LEGEND_PROMPT: &str = "prompt";
pub const LEGEND_GENERATED: &str = "generated";
pub const SHOW_IDS: &str = "Show token ids";

pub const OUTPUT_HEADING: &str = "Text";
pub const OUTPUT_EMPTY: &str = "The text will stand here.";

pub const BARS_HEADING: &str = "Next-token probabilities";
pub const BARS_EMPTY: &str = "While the model writes, this shows the 20 most probable next tokens \
                              and the sum of all others.";
pub const BARS_FIRST: &str = "The first token has nothing before it, so the model predicted \
                              nothing for it.";
pub const BARS_ASKING: &str = "The model is computing what it expected here…";
pub const BARS_BUSY: &str = "What the model expected in the prompt can be computed when this run \
                             has ended.";
pub const BARS_NO_MODEL: &str = "What the model expected here can be computed once it is loaded.";
pub const COLUMN_RANK: &str = "Rank";
pub const COLUMN_TOKEN: &str = "Token";
pub const COLUMN_PROBABILITY: &str = "Probability";
pub const COLUMN_LOGIT: &str = "Logit";
pub const COLUMN_ID: &str = "Id";
pub const CHOSEN: &str = "chosen";
pub const IN_PROMPT: &str = "in the prompt";

pub const SPEED_HEADING: &str = "Speed";
pub const SPEED_DECODE: &str = "Decode";
pub const SPEED_PREFILL: &str = "Prefill";
pub const SPEED_FIRST: &str = "First token after";
pub const SPEED_TOKENS: &str = "New tokens";
pub const SPEED_END: &str = "Ended by";
pub const SPEED_UNIT: &str = "tok/s";

pub const CHIP_LABEL: &str = "Model and adapter";
pub const CHIP_MODEL: &str = "Model";
pub const CHIP_PARAMETERS: &str = "Parameters";
pub const CHIP_FORMAT: &str = "Format";
pub const CHIP_MEMORY: &str = "On the GPU";
pub const CHIP_ADAPTER: &str = "Adapter";
pub const CHIP_SPEED: &str = "Speed";
pub const CHIP_LOADED: &str = "Loaded in";
pub const FROM_STORAGE: &str = "from storage";
pub const FROM_NETWORK: &str = "downloaded";
pub const FROM_FILES: &str = "from your files";
pub const UNKNOWN: &str = "–";

pub const PICKER_HEADING: &str = "Choose a model";
pub const PICKER_CHANGE: &str = "Change model";
pub const PICKER_CLOSE: &str = "Close";
pub const PICKER_EXPLANATION: &str = "It runs in this page, on this computer's GPU. Your text stays \
                                      here.";
pub const SITE_HEADING: &str = "From this site";
pub const SITE_EXPLANATION: &str = "Downloaded once, then kept in this browser.";
pub const SITE_NONE: &str = "This site offers no model of its own.";
pub const LOCAL_HEADING: &str = "From this computer";
pub const LOCAL_EXPLANATION: &str = "A .gguf file, or the files of a Hugging Face folder: \
                                     config.json, safetensors, tokenizer.json. You can also drop \
                                     them anywhere on this page.";
pub const LOCAL_FILES: &str = "Choose files";
pub const LOCAL_FOLDER: &str = "Choose a folder";
pub const LOCAL_KEEP: &str = "Keep a copy in this browser";
pub const LOCAL_KEEP_HINT: &str = "Otherwise the files are read where they are, and the next visit \
                                   asks for them again.";
pub const PICKED_NAME: &str = "picked files";
pub const DROP_HINT: &str = "Drop to open the model";
pub const HUB_HEADING: &str = "From the Hugging Face hub";
pub const HUB_ID_LABEL: &str = "Model id";
pub const HUB_ID_HINT: &str = "owner/name, with @revision if need be; /file.gguf behind the name \
                               takes one of several files.";
pub const HUB_ID_WRONG: &str = "This is no model id: write it as owner/name or \
                                owner/name@revision.";
pub const HUB_TOKEN_LABEL: &str = "Access token, for gated models only";
pub const HUB_TOKEN_HINT: &str = "Kept in the memory of this page until it is closed, sent to the \
                                  hub alone, never stored.";
pub const HUB_FETCH: &str = "Fetch and load";
pub const STORED_HEADING: &str = "Kept in this browser";
pub const STORED_NONE: &str = "Nothing yet.";
pub const STORED_LOAD: &str = "Load";
pub const STORED_RESUME: &str = "Resume";
pub const STORED_DELETE: &str = "Delete";
pub const STORED_DELETE_ALL: &str = "Delete all";
pub const STORED_MAY_GO: &str = "When disk space runs short, the browser may delete them.";
pub const STORED_STAYS: &str = "They stay until you delete them.";
pub const CANCEL: &str = "Cancel";
pub const CANCELLED: &str = "Loading was cancelled.";
pub const DISMISS: &str = "Go on with the loaded model";
pub const LOAD_STARTING: &str = "Looking for a GPU and for models…";
pub const LOADING_HEADING: &str = "Loading the model";
pub const LOADING_BEGIN: &str = "Opening the model's file…";
pub const NOT_KEPT: &str = "This window keeps no files, as private windows do: the next visit \
                            downloads the model again.";

pub const RETRY: &str = "Try again";
pub const WORKER_UNREACHABLE: &str = "The engine's script could not be loaded: check the \
                                      connection, then try again.";

pub const FOOTER_PRIVATE: &str = "Your prompts never leave this machine: the model runs in this \
                                  page, and what you write is sent nowhere.";
pub const FOOTER_MEASURED: &str = "Every number and every bar is a measured value of the running \
                                   model.";
pub const FORGET: &str = "Delete all stored models";
pub const FORGOTTEN: &str = "The stored model is deleted.";

pub const ANNOUNCE_GENERATING: &str = "Generating.";

/// The status in the header.
pub fn status(phase: Phase) -> &'static str {
    match phase {
        Phase::Starting => "Starting",
        Phase::NoModel => "No model loaded",
        Phase::Loading => "Loading",
        Phase::Ready => "Ready",
        Phase::Generating => "Generating",
        Phase::Failed => "Not working",
    }
}

/// The adapter's name, and whether it is a processor that plays a GPU.
pub fn adapter(adapter: &AdapterSummary) -> String {
    match adapter.device_type.as_str() {
        "Cpu" => format!("{} (software)", adapter.name),
        _ => adapter.name.clone(),
    }
}

/// The button that changes the theme.
pub fn theme(theme: Theme) -> &'static str {
    match theme {
        Theme::Auto => "Theme: system",
        Theme::Light => "Theme: light",
        Theme::Dark => "Theme: dark",
    }
}

/// `Load smollm2-135m-instruct-q4_1 (98.3 MB)`.
pub fn load_button(name: &str, bytes: Option<u64>) -> String {
    let name = model_name(name);
    match bytes {
        Some(bytes) => format!("Load {name} ({})", format::bytes(bytes)),
        None => format!("Load {name}"),
    }
}

/// A model's name as its makers write it, where it is known.
pub fn model_name(name: &str) -> &str {
    match name {
        "smollm2-135m-instruct-q4_1" => "SmolLM2-135M-Instruct",
        _ => name,
    }
}

/// A stage of loading.
pub fn load_phase(phase: LoadPhase) -> &'static str {
    match phase {
        LoadPhase::Download => "Download",
        LoadPhase::Keep => "Copy into this browser",
        LoadPhase::Upload => "Copy to the GPU",
        LoadPhase::Compile => "Compile shaders",
    }
}

/// `45.2 MB of 98.3 MB`, `step 1 of 2`.
pub fn load_done(phase: LoadPhase, done: u64, total: u64) -> String {
    match phase {
        LoadPhase::Download | LoadPhase::Keep | LoadPhase::Upload => {
            format!("{} of {}", format::bytes(done), format::bytes(total))
        }
        LoadPhase::Compile => format!("step {done} of {total}"),
    }
}

/// `12.3 MB/s`.
pub fn load_rate(phase: LoadPhase, per_second: f64) -> String {
    match phase {
        LoadPhase::Download | LoadPhase::Keep | LoadPhase::Upload => {
            format!("{}/s", format::bytes(per_second as u64))
        }
        LoadPhase::Compile => format!("{}/s", format::rate(per_second)),
    }
}

/// `Loading checkpoint shards: 1/2`, as transformers says it.
pub fn shards(shards: Shards) -> String {
    format!(
        "Loading checkpoint shards: {}/{}",
        shards.done, shards.total
    )
}

/// `Loading HuggingFaceTB/SmolLM2-135M`.
pub fn loading_heading(name: &str) -> String {
    format!("Loading {}", model_name(name))
}

/// `1.20 GB of 7.64 GB`, or the size of what is whole.
pub fn stored_size(done: u64, bytes: u64, complete: bool) -> String {
    if complete {
        format::bytes(bytes)
    } else {
        format!("{} of {}", format::bytes(done), format::bytes(bytes))
    }
}

/// `1.20 GB used, 58.3 GB free for this site.`
pub fn room(room: StorageRoom) -> String {
    format!(
        "{} used, {} free for this site.",
        format::bytes(room.used),
        format::bytes(room.free)
    )
}

/// A button of a stored model, for a screen reader: `Delete gpt2`.
pub fn of_model(action: &str, name: &str) -> String {
    format!("{action} {name}")
}

/// A word that is no token id.
pub fn wrong_token_id(word: &str) -> String {
    format!("“{word}” is no token id: write whole numbers, separated by spaces or commas.")
}

/// `4 s left`.
pub fn time_left(seconds: f64) -> String {
    format!("{} left", format::whole_seconds(seconds))
}

/// The title of a failure.
pub fn failure_title(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::NoWebGpu => "This browser cannot use the GPU",
        FailureKind::NoAdapter => "No GPU was found",
        FailureKind::OutOfMemory => "The GPU's memory is full",
        FailureKind::DeviceLost => "The GPU went away",
        FailureKind::Network => "The model could not be fetched",
        FailureKind::Storage => "The model could not be stored",
        FailureKind::Model => "The model's file could not be used",
        FailureKind::Request => "That cannot be generated",
        FailureKind::Internal => "The engine stopped",
    }
}

/// A crash of the worker.
pub fn worker_crashed(reason: &str) -> String {
    format!("The engine stopped unexpectedly ({reason}): try again; your prompt is kept.")
}

/// `all other 49,132 tokens`.
pub fn rest(count: u32) -> String {
    format!("all other {} tokens", format::count(u64::from(count)))
}

/// What the bars belong to.
pub fn bars_caption(position: u32, token: &str, origin: Origin, newest: bool) -> String {
    match (origin, newest) {
        (Origin::Generated, true) => {
            format!("What the newest token, “{token}” at position {position}, was chosen among")
        }
        (Origin::Generated, false) => {
            format!("What “{token}” at position {position} was chosen among")
        }
        (Origin::Prompt, _) => {
            format!(
                "What the model expected at position {position}, where the prompt has “{token}”"
            )
        }
    }
}

/// The token in the prompt is none of the bars.
pub fn not_among(token: &str) -> String {
    format!("“{token}”, which the prompt has here, is one of the others.")
}

/// What a screen reader says after a chip's token.
pub fn chip_description(position: u32, origin: Origin) -> String {
    let origin = match origin {
        Origin::Prompt => LEGEND_PROMPT,
        Origin::Generated => LEGEND_GENERATED,
    };
    format!("position {position}, {origin}")
}

/// `12 tokens: 5 of the prompt, 7 generated`.
pub fn token_counts(prompt: usize, generated: usize) -> String {
    format!(
        "{} tokens: {prompt} prompt, {generated} generated",
        prompt + generated
    )
}

/// Why a run ended.
pub fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "end token",
        FinishReason::Length => "the limit you set",
        FinishReason::Context => "a full context",
        FinishReason::Stopped => "you",
    }
}

/// Hint for the number field.
pub fn max_new_tokens_hint(max: Option<u32>) -> String {
    match max {
        Some(max) => format!("A whole number from 1 to {}", format::count(u64::from(max))),
        None => String::from("A whole number from 1 on"),
    }
}

/// A model is ready, for a screen reader.
pub fn announce_ready(name: &str) -> String {
    format!("{name} is ready.")
}

/// A run ended, for a screen reader.
pub fn announce_finished(text: &str) -> String {
    format!("Finished: {text}")
}

/// Progress, for a screen reader.
pub fn announce_progress(phase: LoadPhase, percent: u64) -> String {
    match phase {
        LoadPhase::Download | LoadPhase::Keep => {
            format!("{}, {percent} percent.", load_phase(phase))
        }
        LoadPhase::Upload | LoadPhase::Compile => format!("{}.", load_phase(phase)),
    }
}
