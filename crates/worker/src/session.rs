//! Answers the page's commands, one after the other.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, TryFutureExt as _, select, try_join};
use js_sys::ArrayBuffer;
use js_sys::WebAssembly::Memory;
use vitrine_engine::{
    AskObserver, Branch, Comparison, Engine, EngineError, LoadOptions, ModelFiles,
    ask_without_model, check_formats, options_of, wanted,
};
use vitrine_gpu::{AdapterSelector, Gpu, GpuError};
use vitrine_protocol::{
    Answer, AnswerPart, Command, CompareReport, CompareRequest, Event, FailureKind, ForkRequest,
    GenerateRequest, HubAccess, ModelSource, PacketParts, Prompt, Question,
};
use wasm_bindgen::JsCast;
use web_sys::Blob;

use crate::adapter_name::adapter_name;
use crate::error::WorkerError;
use crate::mailbox::{Letter, Mailbox, Ticket};
use crate::meter::Meter;
use crate::observer::PagePoster;
use crate::obtain::{Obtained, obtain};
use crate::shards::ShardCounter;
use crate::storage::{self, Store};
use crate::{catalogue, directory, scope, tune};

/// Logits of a comparison take at most this many bytes.
const COMPARED_BYTES: u64 = 256 << 20;

/// The device and the model of this worker.
#[derive(Default)]
pub struct Session {
    /// The device of all models, until it is lost.
    gpu: Option<Gpu>,
    engine: Option<Engine>,
    /// What the browser calls the adapter.
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

/// Files that can be read again without a network.
#[derive(Clone)]
struct Origin {
    source: ModelSource,
    picked: Vec<Blob>,
}

impl Origin {
    /// Of a model that was loaded from `source`; none where it would have to be fetched again.
    fn of(source: &ModelSource, picked: Vec<Blob>, kept: bool) -> Option<Self> {
        let source = match source {
            ModelSource::Local { keep: false, .. } => source.clone(),
            _ if !kept => return None,
            ModelSource::Local { name, .. } => ModelSource::Kept { name: name.clone() },
            _ => source.clone(),
        };
        Some(Self { source, picked })
    }
}

impl Session {
    /// Works for as long as the worker lives.
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
                    // Nothing on a lost device can be used again.
                    self.gpu = None;
                    self.unload();
                }
                scope::post(&Event::Failed { run, failure });
            }
            if self.to_tune
                && let Some(engine) = &mut self.engine
            {
                // What fails here fails again where somebody waits for it.
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
            // The mailbox acts on them at once and never hands them on.
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

    /// The device; another one where that was lost.
    async fn gpu(&mut self) -> Result<Gpu, WorkerError> {
        match &self.gpu {
            Some(gpu) => Ok(gpu.clone()),
            None => Ok(self.gpu.insert(request_gpu().await?).clone()),
        }
    }

    async fn load_unless_cancelled(
        &mut self,
        request @ (source, ..): (&ModelSource, &HubAccess, bool),
        picked: Vec<Blob>,
        ticket: Ticket,
        mailbox: &Mailbox,
    ) -> Result<(), WorkerError> {
        let loaded = {
            // Dropping the loading ends its requests and closes its files.
            let load = pin!(self.load(request, picked));
            let cancelled = pin!(mailbox.cancelled(ticket));
            match select(load, cancelled).await {
                Either::Left((result, _)) => Some(result),
                Either::Right(_) => None,
            }
        };
        if let Some(result) = loaded {
            if let Err(WorkerError::Engine(refused)) = &result
                && refused.failure().kind == FailureKind::Model
                && let Some(store) = Store::open().await
            {
                store.forget_refused(source).await;
            }
            return result;
        }
        if matches!(source, ModelSource::Local { keep: true, .. })
            && let Some(store) = Store::open().await
        {
            // Without the picked files nobody can complete it.
            store.remove(&storage::key(source)).await;
        }
        scope::post(&Event::LoadCancelled);
        Ok(())
    }

    async fn load(
        &mut self,
        (source, hub, pack_activations): (&ModelSource, &HubAccess, bool),
        picked: Vec<Blob>,
    ) -> Result<(), WorkerError> {
        let began_s = scope::now_s();
        let meter = RefCell::new(Meter::default());
        let store = Store::open().await;
        let Obtained {
            name,
            files: obtained,
            mut arrival,
            from_storage,
            kept,
        } = obtain(source, hub, picked.clone(), store.as_ref(), &meter).await?;

        // The old model stays until the new one is there, and makes room before it comes to the GPU.
        if self.engine.is_some()
            && let Some(arrival) = arrival.take()
        {
            arrival.await?;
        }
        self.unload();
        self.pack_activations = pack_activations;
        let gpu = self.gpu().await?;
        if arrival.is_none() {
            let named = obtained.iter().map(|(name, file)| (name.as_str(), &**file));
            directory::tell(named, &meter).await;
        }
        let mut counter = ShardCounter::default();
        let mut files = ModelFiles::new(name);
        for (name, file) in obtained {
            let file = counter.watch(&name, file);
            files.add(name, file);
        }
        let arriving = Cell::new(arrival.is_some());
        let arrival = async {
            if let Some(arrival) = arrival {
                arrival.await?;
            }
            arriving.set(false);
            Ok(())
        };
        let mut report = |phase, done, total| {
            // Until all has come, the page hears of that.
            if arriving.get() {
                return;
            }
            let mut meter = meter.borrow_mut();
            meter.shards = counter.shards(phase, done == total);
            meter.arrived = counter.read();
            meter.report(phase, done, total);
        };
        let options = self.usual_options().await;
        let load = Engine::load(gpu, &files, &options, &mut report);
        let loaded = try_join(arrival, load.map_err(WorkerError::from)).await;
        // Closes them, so that they can be deleted and other tabs can read them.
        drop(files);
        let ((), engine) = loaded?;
        self.origin = Origin::of(source, picked, kept);
        scope::post(&Event::ModelReady {
            model: engine.summary(),
            sampling: Box::new(engine.sampling_defaults().clone()),
            load_s: scope::now_s() - began_s,
            from_storage,
            kept,
            wasm_bytes: wasm_bytes(),
        });
        self.engine = Some(engine);
        self.to_tune = true;
        Ok(())
    }

    /// How to load a model as it is, with what was measured of the adapter.
    async fn usual_options(&self) -> LoadOptions {
        LoadOptions {
            tuning: tune::recall(&self.adapter).await,
            watch: wanted(PacketParts::CHEAP),
            pack_activations: self.pack_activations,
            ..LoadOptions::default()
        }
    }

    /// Takes the model from the GPU.
    fn unload(&mut self) {
        self.branches.clear();
        self.origin = None;
        if self.engine.take().is_some() {
            scope::post(&Event::ModelUnloaded);
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

    /// Loads the model in each format, measures it, and loads it as it was.
    async fn compare(
        &mut self,
        run: u32,
        request: &CompareRequest,
        observer: &mut PagePoster<'_>,
    ) -> Result<(), WorkerError> {
        let engine = self.engine.as_ref().ok_or(WorkerError::NoModel)?;
        check_formats(&request.formats, &engine.inspect(None))?;
        let origin = self.origin.clone().ok_or(WorkerError::NotKept)?;
        let compared = self.compare_formats(&origin, request, observer).await;
        let options = self.usual_options().await;
        let restored = self.reload(&origin, &options).await;
        match compared {
            Ok(report) => {
                let answer = Box::new(Answer::Compare(report));
                scope::post(&Event::Answer { run, answer });
                restored
            }
            Err(WorkerError::Engine(EngineError::Stopped)) => {
                scope::post(&Event::AskStopped { run });
                restored
            }
            // Without the model the page cannot go on, so that is what it hears of.
            Err(error) => restored.and(Err(error)),
        }
    }

    async fn compare_formats(
        &mut self,
        origin: &Origin,
        request: &CompareRequest,
        observer: &mut PagePoster<'_>,
    ) -> Result<CompareReport, WorkerError> {
        let mut comparison = Comparison::new(request, COMPARED_BYTES);
        let total = request.formats.len() as u64;
        for (done, format) in (0..).zip(&request.formats) {
            observer.progress(done, total);
            if AskObserver::stop_requested(observer) {
                return Err(EngineError::Stopped.into());
            }
            let options = options_of(*format, &LoadOptions::default());
            self.reload(origin, &options).await?;
            let engine = self.engine.as_mut().ok_or(WorkerError::NoModel)?;
            let row = comparison.add(engine, *format).await?;
            observer.part(AnswerPart::Compared(row.clone()));
        }
        observer.progress(total, total);
        Ok(comparison.report())
    }

    /// Brings the same model to the GPU in another way, without a word to the page.
    async fn reload(&mut self, origin: &Origin, options: &LoadOptions) -> Result<(), WorkerError> {
        let store = Store::open().await;
        let hub = HubAccess::default();
        let picked = origin.picked.clone();
        let meter = RefCell::new(Meter::default());
        let obtained = obtain(&origin.source, &hub, picked, store.as_ref(), &meter).await?;
        if let Some(arrival) = obtained.arrival {
            arrival.await?;
        }
        // Nobody asks the counter; loading in one way only halves what it takes of the module.
        let mut counter = ShardCounter::default();
        let mut files = ModelFiles::new(obtained.name);
        for (name, file) in obtained.files {
            let file = counter.watch(&name, file);
            files.add(name, file);
        }
        self.branches.clear();
        // It makes room.
        self.engine = None;
        let gpu = self.gpu().await?;
        let loaded = Engine::load(gpu, &files, options, &mut |_, _, _| ()).await;
        match loaded {
            Ok(engine) => {
                self.engine = Some(engine);
                Ok(())
            }
            Err(error) => {
                self.origin = None;
                scope::post(&Event::ModelUnloaded);
                Err(error.into())
            }
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

/// Length of this module's memory.
fn wasm_bytes() -> u64 {
    let memory: Memory = wasm_bindgen::memory().unchecked_into();
    let buffer: ArrayBuffer = memory.buffer().unchecked_into();
    u64::from(buffer.byte_length())
}

async fn request_gpu() -> Result<Gpu, WorkerError> {
    match Gpu::request(&AdapterSelector::default()).await {
        Err(GpuError::NoWebGpu) if !scope::worker().is_secure_context() => {
            Err(WorkerError::InsecureContext)
        }
        result => Ok(result?),
    }
}
