//! Answers the page's commands, one after the other.

use std::rc::Rc;

use vitrine_engine::{Engine, LoadOptions, ModelFiles};
use vitrine_gpu::{AdapterSelector, Gpu, GpuError};
use vitrine_protocol::{Command, Event, FailureKind, GenerateRequest, ModelSource, Prompt};

use crate::adapter_name::adapter_name;
use crate::error::WorkerError;
use crate::mailbox::{Mailbox, Ticket};
use crate::meter::Meter;
use crate::observer::PagePoster;
use crate::storage::Store;
use crate::{catalogue, download, scope};

/// The device and the model of this worker.
#[derive(Default)]
pub struct Session {
    /// A device that no engine uses yet.
    gpu: Option<Gpu>,
    engine: Option<Engine>,
}

impl Session {
    /// Works for as long as the worker lives.
    pub async fn run(mut self, mailbox: Rc<Mailbox>) {
        loop {
            let (ticket, command) = mailbox.next().await;
            let run = run_of(&command);
            if let Err(error) = self.answer(command, ticket, &mailbox).await {
                let failure = error.failure();
                if matches!(
                    failure.kind,
                    FailureKind::DeviceLost | FailureKind::OutOfMemory
                ) {
                    // Nothing on a lost device can be used again.
                    (self.gpu, self.engine) = (None, None);
                }
                scope::post(&Event::Failed { run, failure });
            }
        }
    }

    async fn answer(
        &mut self,
        command: Command,
        ticket: Ticket,
        mailbox: &Mailbox,
    ) -> Result<(), WorkerError> {
        match command {
            Command::Start => self.start().await,
            Command::ListModels => {
                let models = catalogue::list(Store::open().await.as_ref()).await?;
                scope::post(&Event::Models { models });
                Ok(())
            }
            Command::LoadModel { source } => self.load(&source).await,
            Command::Generate { run, request } => {
                let mut observer = PagePoster {
                    run,
                    ticket,
                    mailbox,
                };
                self.generate(run, &request, &mut observer).await
            }
            Command::Next { run, prompt, top } => self.next(run, &prompt, top).await,
            Command::ForgetModels => {
                if let Some(store) = Store::open().await {
                    store.clear().await;
                }
                scope::post(&Event::ModelsForgotten);
                Ok(())
            }
            // The mailbox acts on it at once and never hands it on.
            Command::Stop => Ok(()),
        }
    }

    async fn start(&mut self) -> Result<(), WorkerError> {
        let gpu = request_gpu().await?;
        let mut adapter = vitrine_engine::adapter_summary(&gpu);
        if let Some(name) = adapter_name().await {
            adapter.name = name;
        }
        scope::post(&Event::AdapterReady { adapter });
        self.gpu = Some(gpu);
        Ok(())
    }

    async fn load(&mut self, source: &ModelSource) -> Result<(), WorkerError> {
        let began_s = scope::now_s();
        let mut meter = Meter::default();
        let store = Store::open().await;
        let obtained = download::obtain(source, store.as_ref(), &mut meter).await?;

        // The old model makes room before the new one comes.
        self.engine = None;
        let gpu = match self.gpu.take() {
            Some(gpu) => gpu,
            None => request_gpu().await?,
        };
        let mut report = |phase, done, total| meter.report(phase, done, total);
        let files =
            ModelFiles::new(&source.name).with(format!("{}.gguf", source.name), obtained.file);
        let loaded = Engine::load(gpu, &files, &LoadOptions::default(), &mut report).await;
        let engine = match loaded {
            Ok(engine) => engine,
            Err(error) => {
                // A stored file that cannot be used would fail at every start; the next attempt
                // fetches it anew.
                drop(files);
                if let Some(store) = store
                    && error.failure().kind == FailureKind::Model
                {
                    store.remove(&source.name).await;
                }
                return Err(error.into());
            }
        };
        scope::post(&Event::ModelReady {
            model: engine.summary(),
            load_s: scope::now_s() - began_s,
            from_storage: obtained.from_storage,
            kept: obtained.kept,
        });
        self.engine = Some(engine);
        Ok(())
    }

    async fn generate(
        &mut self,
        run: u32,
        request: &GenerateRequest,
        observer: &mut PagePoster<'_>,
    ) -> Result<(), WorkerError> {
        let engine = self.engine.as_mut().ok_or(WorkerError::NoModel)?;
        let summary = engine.generate(request, observer).await?;
        scope::post(&Event::Finished { run, summary });
        Ok(())
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

/// The page's number in a command, so that a failure can name it.
fn run_of(command: &Command) -> Option<u32> {
    match command {
        Command::Generate { run, .. } | Command::Next { run, .. } => Some(*run),
        _ => None,
    }
}

async fn request_gpu() -> Result<Gpu, WorkerError> {
    match Gpu::request(&AdapterSelector::default()).await {
        Err(GpuError::NoWebGpu) if !scope::worker().is_secure_context() => {
            Err(WorkerError::InsecureContext)
        }
        result => Ok(result?),
    }
}
