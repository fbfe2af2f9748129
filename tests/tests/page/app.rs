//! The page as a test sees it: through the `data-testid`s of `web/README.md`.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use fantoccini::{Locator, elements::Element};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::session::Session;

/// For what needs no GPU.
pub const SOON: Duration = Duration::from_secs(30);
/// For loading a model, and for some dozens of tokens on a CPU.
pub const LATE: Duration = Duration::from_secs(900);

/// The page in a browser.
pub struct App<'a> {
    session: &'a Session,
}

/// A token of the strip.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Token {
    pub id: u32,
    pub position: u32,
}

/// A model that the browser holds.
#[derive(Debug, PartialEq, Deserialize)]
pub struct Stored {
    pub key: String,
    pub bytes: u64,
    pub done: u64,
    pub complete: bool,
}

/// The bars that the page shows.
#[derive(Debug, Deserialize)]
pub struct Bars {
    pub position: u32,
    pub top: Vec<Bar>,
    pub rest_probability: f64,
}

/// One bar.
#[derive(Debug, Deserialize)]
pub struct Bar {
    pub id: u32,
    pub logit: f64,
    pub probability: f64,
}

/// `data-` attributes.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Data(BTreeMap<String, String>);

impl Data {
    /// One of them as it is.
    pub fn text(&self, name: &str) -> &str {
        match self.0.get(name) {
            Some(text) => text,
            None => panic!("no {name} among {:?}", self.0),
        }
    }

    /// One of them as a number.
    pub fn number(&self, name: &str) -> f64 {
        match self.text(name).parse() {
            Ok(number) => number,
            Err(_) => panic!("{name} is no number: {:?}", self.0),
        }
    }
}

impl<'a> App<'a> {
    /// Opens the page.
    pub async fn open(session: &'a Session) -> Self {
        session.client.goto(&session.url).await.unwrap();
        Self { session }
    }

    /// Opens the page, lets it fetch the model, and waits until it can generate.
    pub async fn with_model(session: &'a Session) -> Self {
        let app = Self::open(session).await;
        app.load().await;
        app
    }

    /// Presses the button that loads the model, unless the page loads it automatically.
    pub async fn load(&self) {
        if self
            .wait_for_state(&["no_model", "loading", "ready"], SOON)
            .await
            == "no_model"
        {
            self.click("load").await;
        }
        self.wait_for_state(&["ready"], LATE).await;
    }

    /// Types a prompt and the number of tokens, and presses Generate.
    pub async fn generate(&self, prompt: &str, chat: bool, max_new_tokens: usize) {
        self.set_checked("chat", chat).await;
        self.fill("max-new-tokens", &max_new_tokens.to_string())
            .await;
        self.fill("prompt", prompt).await;
        self.click("generate").await;
    }

    /// Types token ids and the number of tokens, and presses Generate.
    pub async fn generate_from_ids(&self, ids: &[u32], max_new_tokens: usize) {
        self.set_checked("as-ids", true).await;
        let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
        self.fill("max-new-tokens", &max_new_tokens.to_string())
            .await;
        self.fill("prompt", &ids.join(" ")).await;
        self.click("generate").await;
    }

    /// Gives the page files through the element with a test id, as if a reader had picked them.
    pub async fn pick(&self, id: &str, paths: &[PathBuf]) {
        let open = self.count("load-panel").await > 0;
        if !open {
            self.click("change-model").await;
        }
        let paths: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
        let field = self.find(id).await;
        field.send_keys(&paths.join("\n")).await.unwrap();
    }

    /// Waits until a model that was picked, dropped or asked for is on the GPU.
    pub async fn wait_until_loaded(&self) {
        self.wait_for_state(&["ready"], LATE).await;
        assert_eq!(self.count("error").await, 0, "the page refuses the model");
    }

    /// Drops files or folders onto the page.
    pub async fn drop_files(&self, paths: &[PathBuf]) {
        let data = json!({ "items": [], "files": paths, "dragOperationsMask": 1 });
        for kind in ["dragEnter", "dragOver", "drop"] {
            let event = json!({ "type": kind, "x": 200, "y": 200, "data": data });
            self.session
                .devtools("Input.dispatchDragEvent", event)
                .await;
            if kind == "dragOver" {
                self.find("drop-hint").await;
            }
        }
        // A drop is taken in after its event has returned; SwiftShader needs seconds to load.
        self.wait_for_state(&["loading"], SOON).await;
    }

    /// How many elements have a test id.
    pub async fn count(&self, id: &str) -> usize {
        let script = "return document.querySelectorAll(`[data-testid=${arguments[0]}]`).length";
        self.script(script, json!(id)).await
    }

    /// Waits until the page says something in the element `error`, and checks of which kind it is.
    pub async fn wait_for_error(&self, kind: &str) -> String {
        let deadline = Instant::now() + LATE;
        while self.state().await == "loading" || self.count("error").await == 0 {
            assert!(Instant::now() < deadline, "no error");
            sleep(Duration::from_millis(100)).await;
        }
        let said = self.text("error").await;
        let found = self.attribute("error", "data-kind").await;
        assert_eq!(found.as_deref(), Some(kind), "{said}");
        said
    }

    /// The models that the page says the browser holds; opens the picker.
    pub async fn stored(&self) -> Vec<Stored> {
        if self.count("stored").await == 0 {
            self.click("change-model").await;
        }
        let script = "
            const rows = document.querySelectorAll('[data-testid=stored-model]');
            return [...rows].map(({ dataset }) => ({
                key: dataset.key,
                bytes: Number(dataset.bytes),
                done: Number(dataset.done),
                complete: dataset.complete === 'true',
            }));";
        self.script(script, json!(null)).await
    }

    /// Waits until the stored models are those of `wanted`.
    pub async fn wait_for_stored(&self, wanted: impl Fn(&[Stored]) -> bool) -> Vec<Stored> {
        let deadline = Instant::now() + SOON;
        loop {
            let stored = self.stored().await;
            if wanted(&stored) {
                return stored;
            }
            assert!(Instant::now() < deadline, "stored: {stored:?}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Ticks a box, or not.
    pub async fn set_checked(&self, id: &str, wanted: bool) {
        if self.find(id).await.is_selected().await.unwrap() != wanted {
            self.click(id).await;
        }
    }

    /// Waits until a generation that was begun is over.
    pub async fn wait_until_generated(&self) {
        self.wait_for_state(&["ready"], LATE).await;
    }

    /// Waits until the page is in one of these states; gives the state. Fails if the page does.
    pub async fn wait_for_state(&self, wanted: &[&str], patience: Duration) -> String {
        let wanted = [wanted, &["failed"]].concat();
        let state = self.wait_for_state_or_failure(&wanted, patience).await;
        if state == "failed" {
            panic!("the page failed: {}", self.text("error").await);
        }
        state
    }

    /// Waits until the page is in one of these states; gives the state.
    pub async fn wait_for_state_or_failure(&self, wanted: &[&str], patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        loop {
            let state = self.state().await;
            if wanted.contains(&state.as_str()) {
                return state;
            }
            assert!(
                Instant::now() < deadline,
                "still {state} instead of {wanted:?}"
            );
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// The state of the page; empty before it has one.
    pub async fn state(&self) -> String {
        self.script(
            "return document.querySelector('[data-testid=status]')?.dataset.state ?? ''",
            json!(null),
        )
        .await
    }

    /// The tokens of the strip that came from the prompt, or that were generated.
    pub async fn tokens(&self, origin: &str) -> Vec<Token> {
        let script = "
            const chips = document.querySelectorAll(
                `[data-testid=token][data-origin=${arguments[0]}]`);
            return [...chips].map(({ dataset }) => {
                return { id: Number(dataset.id), position: Number(dataset.position) };
            });";
        self.script(script, json!(origin)).await
    }

    /// Selects the token at a position and gives the bars it was chosen among.
    pub async fn bars_of(&self, position: u32) -> Bars {
        let script = "
            document.querySelector(
                `[data-testid=token][data-position='${arguments[0]}']`).click();";
        let _: Value = self.script(script, json!(position)).await;
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(bars) = self.bars().await
                && bars.position == position
            {
                return bars;
            }
            assert!(
                Instant::now() < deadline,
                "no bars for the token at {position}"
            );
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn bars(&self) -> Option<Bars> {
        let script = "
            const table = document.querySelector('[data-testid=bars]');
            if (!table) return null;
            const top = [...table.querySelectorAll('[data-testid=bar]')].map(({ dataset }) => ({
                id: Number(dataset.id),
                logit: Number(dataset.logit),
                probability: Number(dataset.probability),
            }));
            return {
                position: Number(table.dataset.position),
                top,
                rest_probability: Number(
                    table.querySelector('[data-testid=rest]')?.dataset.probability ?? 0),
            };";
        self.script(script, json!(null)).await
    }

    /// The text of the element with a test id.
    pub async fn text(&self, id: &str) -> String {
        self.find(id).await.text().await.unwrap()
    }

    /// The text of the element with a test id, spaces and lines as they are.
    pub async fn exact_text(&self, id: &str) -> String {
        let script = "
            return document.querySelector(`[data-testid=${arguments[0]}]`)?.textContent ?? '';";
        self.script(script, json!(id)).await
    }

    /// An attribute of the element with a test id.
    pub async fn attribute(&self, id: &str, name: &str) -> Option<String> {
        self.find(id).await.attr(name).await.unwrap()
    }

    /// Clicks the element with a test id.
    pub async fn click(&self, id: &str) {
        self.find(id).await.click().await.unwrap();
    }

    /// The `data-` attributes of all elements with a test id, by their names without `data-`.
    pub async fn data(&self, id: &str) -> Vec<Data> {
        let script = "
            const found = document.querySelectorAll(`[data-testid=${arguments[0]}]`);
            const data = ({ attributes }) => [...attributes]
                .filter(({ name }) => name.startsWith('data-'))
                .map(({ name, value }) => [name.slice(5), value]);
            return [...found].map((element) => Object.fromEntries(data(element)));";
        self.script(script, json!(id)).await
    }

    /// Those of the only element with a test id.
    pub async fn datum(&self, id: &str) -> Data {
        self.find(id).await;
        self.data(id).await.swap_remove(0)
    }

    /// Those of all elements with a test id, once there is one.
    pub async fn wait_for_data(&self, id: &str) -> Vec<Data> {
        let deadline = Instant::now() + LATE;
        loop {
            let found = self.data(id).await;
            if !found.is_empty() {
                return found;
            }
            assert!(Instant::now() < deadline, "no {id}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Opens a panel, and waits until all that it asks is answered.
    pub async fn open_panel(&self, view: &str) {
        let script = "
            document.querySelector(`[data-testid=view][data-view=${arguments[0]}]`).click()";
        let _: Value = self.script(script, json!(view)).await;
        self.settle().await;
    }

    /// Waits until the panel waits for nothing.
    pub async fn settle(&self) {
        let script = "
            return document.querySelectorAll('.stage [data-pending=true]').length === 0";
        let deadline = Instant::now() + LATE;
        let mut quiet = 0;
        // A panel may ask the next question only after it has seen an answer.
        while quiet < 3 {
            sleep(Duration::from_millis(100)).await;
            let is_quiet: bool = self.script(script, json!(null)).await;
            quiet = if is_quiet { quiet + 1 } else { 0 };
            assert!(Instant::now() < deadline, "the panel still waits");
        }
    }

    /// Presses keys on the element with a test id.
    pub async fn press(&self, id: &str, keys: &str) {
        let script = "document.querySelector(`[data-testid=${arguments[0]}]`).focus()";
        let _: Value = self.script(script, json!(id)).await;
        let focused = self.session.client.active_element().await.unwrap();
        let focused_id = focused.attr("data-testid").await.unwrap();
        assert_eq!(focused_id.as_deref(), Some(id), "{id} takes no focus");
        focused.send_keys(keys).await.unwrap();
    }

    async fn find(&self, id: &str) -> Element {
        let selector = format!("[data-testid={id}]");
        let wait = self.session.client.wait().at_most(SOON);
        match wait.for_element(Locator::Css(&selector)).await {
            Ok(element) => element,
            Err(error) => panic!("no element {id}: {error}"),
        }
    }

    /// Types into a field; what keys cannot make (chromedriver has none for emoji) is pasted.
    pub async fn fill(&self, id: &str, text: &str) {
        let field = self.find(id).await;
        field.clear().await.unwrap();
        // Clearing a field does not notify the page.
        if !text.is_empty() && text.is_ascii() && !text.contains('\n') && text.len() < 200 {
            field.send_keys(text).await.unwrap();
        } else {
            let script = "
                const field = document.querySelector(`[data-testid=${arguments[0]}]`);
                field.value = arguments[1];
                field.dispatchEvent(new Event('input', { bubbles: true }));";
            let arguments = vec![json!(id), json!(text)];
            self.session
                .client
                .execute(script, arguments)
                .await
                .unwrap();
        }
    }

    /// Runs a script in the page.
    pub async fn script<T: DeserializeOwned>(&self, script: &str, argument: Value) -> T {
        let answer = self
            .session
            .client
            .execute(script, vec![argument])
            .await
            .unwrap();
        serde_json::from_value(answer).unwrap()
    }
}

/// The ids of tokens.
pub fn ids(tokens: &[Token]) -> Vec<u32> {
    tokens.iter().map(|token| token.id).collect()
}
