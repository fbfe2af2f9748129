//! The worker alone: a test speaks its protocol, without the page.

use std::{fs, path::Path};

use serde::Deserialize;
use serde_json::{Value, json};
use vitrine_protocol::{
    AdapterSummary, Answer, Command, Event, GenerateRequest, HubAccess, ModelSource, PacketParts,
    Prompt, Question, SamplingParams, TuneReport, TuneRequest,
};

use crate::session::Session;

/// A worker in a browser.
pub struct Worker<'a> {
    session: &'a Session,
}

/// What it posted, with tensors as lists of numbers.
#[derive(Debug, Deserialize)]
pub struct Message {
    pub event: Event,
    pub tensors: Vec<Vec<f64>>,
}

impl<'a> Worker<'a> {
    /// Starts a worker, and its device.
    pub async fn start(session: &'a Session) -> Self {
        Self::start_script(session, "/worker-boot.js").await.0
    }

    /// The same where a script ran before; and its adapter.
    pub async fn start_after(session: &'a Session, before: &str) -> (Self, AdapterSummary) {
        fs::write(session.folder.join("before.js"), before).unwrap();
        let boot = "import '/before.js'; import '/worker-boot.js';";
        fs::write(session.folder.join("boot-after.js"), boot).unwrap();
        Self::start_script(session, "/boot-after.js").await
    }

    /// The same from a script of the site.
    pub async fn start_script(session: &'a Session, script: &str) -> (Self, AdapterSummary) {
        // Any address of the site will do: workers need one of their own origin.
        let url = format!("{}/models/index.json", session.url);
        session.client.goto(&url).await.unwrap();
        let worker = Self { session };
        worker.call("start", json!(script)).await;
        worker.send(&Command::Start).await;
        let mut messages = worker.until(&["adapter_ready"]).await;
        let last = messages.pop().map(|message| message.event);
        let Some(Event::AdapterReady { adapter }) = last else {
            panic!("{last:?}");
        };
        (worker, adapter)
    }

    /// The one that runs there already.
    pub fn of(session: &'a Session) -> Self {
        Self { session }
    }

    /// Sends a command.
    pub async fn send(&self, command: &Command) {
        self.call("send", json!({ "command": command, "files": [] }))
            .await;
    }

    /// All messages up to the first of these kinds.
    ///
    /// # Panics
    /// When it is a failure, and nobody waits for one.
    pub async fn until(&self, kinds: &[&str]) -> Vec<Message> {
        let all = [kinds, &["failed"]].concat();
        let messages = self.call("until", json!(all)).await;
        let messages: Vec<Message> = serde_json::from_value(messages).unwrap();
        let last = messages.last().unwrap();
        if let Event::Failed { failure, .. } = &last.event {
            assert!(kinds.contains(&"failed"), "{failure:?}");
        }
        messages
    }

    /// Loads the files of a folder, as if a reader had picked them.
    pub async fn load_folder(&self, folder: &Path) {
        let in_site = self.session.folder.join("picked");
        let _ = fs::remove_dir_all(&in_site);
        fs::create_dir_all(&in_site).unwrap();
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            // Not of the model, but of its tests.
            if !["golden.json", "logits.safetensors"].contains(&name.as_str()) {
                fs::copy(folder.join(&name), in_site.join(&name)).unwrap();
                names.push(name);
            }
        }
        let files: Vec<Value> = names
            .iter()
            .map(|name| json!({ "name": name, "url": format!("/picked/{name}") }))
            .collect();
        let command = Command::LoadModel {
            source: ModelSource::Local {
                name: "picked".to_owned(),
                files: names,
                keep: false,
            },
            hub: HubAccess::default(),
            pack_activations: false,
        };
        self.call("send", json!({ "command": command, "files": files }))
            .await;
        self.until(&["model_ready"]).await;
    }

    /// Loads the site's own model, to be run with activations in floats or in bytes.
    pub async fn load_site_model(&self, pack_activations: bool) {
        self.send(&Command::ListModels).await;
        let messages = self.until(&["models"]).await;
        let Some(Event::Models { site, .. }) = messages.last().map(|it| &it.event) else {
            panic!("{messages:?}");
        };
        let source = site[0].source.clone();
        let hub = HubAccess::default();
        let load = Command::LoadModel {
            source,
            hub,
            pack_activations,
        };
        self.send(&load).await;
        self.until(&["model_ready"]).await;
    }

    /// The `n` most probable tokens after `ids`, one after the other.
    pub async fn continue_ids(&self, ids: &[u32], n: usize) -> Vec<u32> {
        let request = GenerateRequest {
            prompt: Prompt::Ids { ids: ids.to_vec() },
            max_new_tokens: n as u32,
            top: 1,
            kv_cache: true,
            packet: PacketParts::NONE,
            interventions: vec![],
            sampling: SamplingParams::default(),
        };
        self.send(&Command::Generate { run: 1, request }).await;
        let messages = self.until(&["finished"]).await;
        let tokens = messages.iter().filter_map(|message| match &message.event {
            Event::Token { step, .. } => Some(step.piece.id),
            _ => None,
        });
        tokens.collect()
    }

    /// What is known of the cuts of matrices, measured `again` if that is wanted.
    pub async fn cuts(&self, again: Option<TuneRequest>) -> TuneReport {
        let answer = self.ask(Question::Tune { again }).await;
        let Answer::Tune(report) = answer else {
            panic!("{answer:?}");
        };
        report
    }

    /// The answer to a question.
    pub async fn ask(&self, question: Question) -> Answer {
        self.send(&Command::Ask { run: 2, question }).await;
        let mut messages = self.until(&["answer"]).await;
        let last = messages.pop().map(|message| message.event);
        let Some(Event::Answer { answer, .. }) = last else {
            panic!("{last:?}");
        };
        *answer
    }

    async fn call(&self, what: &str, argument: Value) -> Value {
        let script = include_str!("worker.js");
        let arguments = vec![json!(what), argument];
        let answer = self.session.client.execute_async(script, arguments).await;
        let mut answer = answer.unwrap();
        assert!(answer["error"].is_null(), "{what}: {}", answer["error"]);
        answer["answer"].take()
    }
}
