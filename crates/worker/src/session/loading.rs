//! Loads models to the device from every source.

use std::cell::{Cell, RefCell};
use std::pin::pin;

use futures_util::future::{Either, TryFutureExt as _, select, try_join};
use js_sys::ArrayBuffer;
use js_sys::WebAssembly::Memory;
use vitrine_engine::{Engine, LoadOptions, ModelFiles};
use vitrine_protocol::{Event, FailureKind, HubAccess, ModelSource, PacketParts};
use wasm_bindgen::JsCast;
use web_sys::Blob;

use super::Session;
use crate::error::WorkerError;
use crate::mailbox::{Mailbox, Ticket};
use crate::meter::Meter;
use crate::obtain::{Obtained, obtain};
use crate::shards::ShardCounter;
use crate::storage::{self, Store};
use crate::{directory, scope, tune};

/// Files that can be read again without a network.
#[derive(Clone)]
pub struct Origin {
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
    pub(super) async fn load_unless_cancelled(
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

        // The old model stays until the new one is obtained, and is removed before the upload.
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
    pub(super) async fn usual_options(&self) -> LoadOptions {
        LoadOptions {
            tuning: tune::recall(&self.adapter).await,
            watch: PacketParts::CHEAP,
            pack_activations: self.pack_activations,
            ..LoadOptions::default()
        }
    }

    /// Removes the model from the GPU.
    pub(super) fn unload(&mut self) {
        self.branches.clear();
        self.origin = None;
        if self.engine.take().is_some() {
            scope::post(&Event::ModelUnloaded);
        }
    }

    /// Loads the same model to the GPU with other options, without events.
    pub(super) async fn reload(
        &mut self,
        origin: &Origin,
        options: &LoadOptions,
    ) -> Result<(), WorkerError> {
        let store = Store::open().await;
        let hub = HubAccess::default();
        let picked = origin.picked.clone();
        let meter = RefCell::new(Meter::default());
        let obtained = obtain(&origin.source, &hub, picked, store.as_ref(), &meter).await?;
        if let Some(arrival) = obtained.arrival {
            arrival.await?;
        }
        // The counter is not read, but a single instantiation of the loading code halves its size in the module.
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
}

/// Length of this module's memory.
fn wasm_bytes() -> u64 {
    let memory: Memory = wasm_bindgen::memory().unchecked_into();
    let buffer: ArrayBuffer = memory.buffer().unchecked_into();
    u64::from(buffer.byte_length())
}
