//! Runs the page's commands in order.

mod comparing;
mod loading;

use std::collections::HashMap;
use std::rc::Rc;

use vitrine_engine::{Branch, Engine, EngineError, ask_without_model};
use vitrine_gpu::{AdapterSelector, Gpu, GpuError};
use vitrine_protocol::{
    Command, Event, FailureKind, ForkRequest, GenerateRequest, Prompt, Question,
};

use crate::adapter_name::adapter_name;
use crate::error::WorkerError;
use crate::mailbox::{Letter, Mailbox};
use crate::observer::PagePoster;
use crate::storage::{self, Store};
use crate::{catalogue, scope, tune};
use loading::Origin;

/// The device and the model of this worker.
#[derive(Default)]
pub struct Session {
    /// The device of all models, until it is lost.
    gpu: Option<Gpu>,
    engine: Option<Engine>,
    /// The adapter's name in a browser.
    adapter: String,
    /// Whether there is something to measure of how the engine's matrices are best multiplied.
    to_tune: bool,
    /// Where the files of `engine` are.
    origin: Option<Origin>,
    /// Whether the page wanted that of `engine`.
    pack_activations: bool,
    /// Generations that can be forked, by the page's numbers.
    branches: HashMap<u32, Branch>,
}

impl Session {
    /// Runs until the worker ends.
    pub async fn run(mut self, mailbox: Rc<Mailbox>) {
        loop {
            let letter = mailbox.next().await;
            let run = letter.command.run();
            if let Err(error) = self.answer(letter, &mailbox).await {
                let failure = error.failure();
                if matches!(
                    failure.kind,
                    FailureKind::DeviceLost | FailureKind::OutOfMemory
                ) {
                    // Nothing on a lost device can be reused.
                    self.gpu = None;
                    self.unload();
                }
                scope::post(&Event::Failed { run, failure });
            }
            if self.to_tune
                && let Some(engine) = &mut self.engine
            {
                // An error here occurs again when the result is awaited.
                let done = tune::while_idle(engine, &self.adapter, &mailbox).await;
                self.to_tune = matches!(done, Ok(false));
            }
        }
    }

    async fn answer(&mut self, letter: Letter, mailbox: &Mailbox) -> Result<(), WorkerError> {
        let Letter {
            ticket,
            command,
            files,
        } = letter;
        match command {
            Command::Start => self.start().await,
            Command::ListModels => {
                let models = catalogue::list(Store::open().await.as_ref()).await?;
                scope::post(&models);
                Ok(())
            }
            Command::LoadModel {
                source,
                hub,
                pack_activations,
            } => {
                let request = (&source, &hub, pack_activations);
                let result = self.load_unless_cancelled(request, files, ticket, mailbox);
                let result = result.await;
                tell_stored(Store::open().await.as_ref()).await;
                result
            }
            Command::Generate { run, request } => {
                let mut observer = PagePoster {
                    run,
                    ticket,
                    mailbox,
                };
                self.generate(run, &request, &mut observer).await
            }
            Command::Fork { run, of, request } => {
                let mut observer = PagePoster {
                    run,
                    ticket,
                    mailbox,
                };
                self.fork(run, of, &request, &mut observer).await
            }
            Command::Ask { run, question } => {
                let mut observer = PagePoster {
                    run,
                    ticket,
                    mailbox,
                };
                self.ask(run, &question, &mut observer).await
            }
            Command::Next { run, prompt, top } => self.next(run, &prompt, top).await,
            Command::ForgetModel { key } => {
                let store = Store::open().await;
                if let Some(store) = &store {
                    store.remove(&key).await;
                }
                tell_stored(store.as_ref()).await;
                Ok(())
            }
            Command::ForgetModels => {
                let store = Store::open().await;
                if let Some(store) = &store {
                    store.clear().await;
                }
                tell_stored(store.as_ref()).await;
                Ok(())
            }
            // The mailbox handles these itself.
            Command::Stop
            | Command::Withdraw { .. }
            | Command::CancelLoad
            | Command::SetSampling { .. } => Ok(()),
        }
    }

    async fn start(&mut self) -> Result<(), WorkerError> {
        let mut adapter = vitrine_engine::adapter_summary(&self.gpu().await?);
        if let Some(name) = adapter_name().await {
            adapter.name = name;
        }
        self.adapter = format!("{} {}", adapter.name, adapter.driver);
        scope::post(&Event::AdapterReady { adapter });
        Ok(())
    }

    /// The device, or a new one if it was lost.
    async fn gpu(&mut self) -> Result<Gpu, WorkerError> {
        match &self.gpu {
            Some(gpu) => Ok(gpu.clone()),
            None => Ok(self.gpu.insert(request_gpu().await?).clone()),
        }
    }

    async fn generate(
        &mut self,
        run: u32,
        request: &GenerateRequest,
        observer: &mut PagePoster<'_>,
    ) -> Result<(), WorkerError> {
        let engine = self.engine.as_mut().ok_or(WorkerError::NoModel)?;
        for (_, branch) in self.branches.drain() {
            engine.forget(branch)?;
        }
        let summary = engine.generate(request, observer).await?;
        scope::post(&Event::Finished { run, summary });
        self.branches.insert(run, engine.keep()?);
        Ok(())
    }

    async fn fork(
        &mut self,
        run: u32,
        of: u32,
        request: &ForkRequest,
        observer: &mut PagePoster<'_>,
    ) -> Result<(), WorkerError> {
        let engine = self.engine.as_mut().ok_or(WorkerError::NoModel)?;
        let of = *self.branches.get(&of).ok_or(WorkerError::NoBranch)?;
        let (branch, summary) = engine.fork(of, request, observer).await?;
        self.branches.insert(run, branch);
        scope::post(&Event::Finished { run, summary });
        Ok(())
    }

    async fn ask(
        &mut self,
        run: u32,
        question: &Question,
        observer: &mut PagePoster<'_>,
    ) -> Result<(), WorkerError> {
        if observer.mailbox.withdrawn(run) {
            scope::post(&Event::AskStopped { run });
            return Ok(());
        }
        if let Question::Compare(request) = question {
            return self.compare(run, request, observer).await;
        }
        let answered = match (&mut self.engine, ask_without_model(question)) {
            (_, Some(answered)) => answered,
            (Some(engine), None) => engine.ask(question, observer).await,
            (None, None) => return Err(WorkerError::NoModel),
        };
        match answered {
            Ok(answered) => {
                if let (Question::Tune { again: Some(_) }, Some(engine)) = (question, &self.engine)
                {
                    tune::keep(engine, &self.adapter).await;
                }
                let answer = Box::new(answered.answer);
                scope::post_with(&Event::Answer { run, answer }, &answered.tensors);
                Ok(())
            }
            Err(EngineError::Stopped) => {
                scope::post(&Event::AskStopped { run });
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn next(&mut self, run: u32, prompt: &Prompt, top: u32) -> Result<(), WorkerError> {
        let engine = self.engine.as_mut().ok_or(WorkerError::NoModel)?;
        let prediction = engine.next(prompt, top).await?;
        scope::post(&Event::Next {
            run,
            distribution: prediction.distribution,
        });
        Ok(())
    }
}

async fn tell_stored(store: Option<&Store>) {
    let stored = match store {
        Some(store) => store.models().await,
        None => Vec::new(),
    };
    scope::post(&Event::Stored {
        stored,
        room: storage::room().await,
    });
}

async fn request_gpu() -> Result<Gpu, WorkerError> {
    match Gpu::request(&AdapterSelector::default()).await {
        Err(GpuError::NoWebGpu) if !scope::worker().is_secure_context() => {
            Err(WorkerError::InsecureContext)
        }
        result => Ok(result?),
    }
}
