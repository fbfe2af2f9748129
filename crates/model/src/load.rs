//! Loading a model to the GPU.

use vitrine_checkpoint::ggml::GgmlType;
use vitrine_checkpoint::source::ByteSource;
use vitrine_checkpoint::{Checkpoint, CheckpointError, Config, KvDtype, Quantization};
use vitrine_gpu::Gpu;
use vitrine_kernels::{Attention, Dtype};
use vitrine_protocol::{LoadPhase, PacketParts};

use crate::activations::Activations;
use crate::kv_cache::KvCache;
use crate::plan::{Changes, Plan, PlanInputs};
use crate::sequences::Sequences;
use crate::weights::{WeightUpload, Weights};
use crate::{Model, ModelError, Tuning};

/// Options of [`Model::load`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadOptions {
    /// Limit on the context, in tokens.
    pub context: Option<u32>,
    /// Data type of activations.
    pub dtype: Dtype,
    /// Data type of the KV cache; by default that of activations.
    pub kv_dtype: Option<KvDtype>,
    /// Whether to quantise float weights.
    pub quantization: Quantization,
    /// Whether to round activations to signed bytes with a scale per 32 before they are multiplied by
    /// quantised weights, as llama.cpp does on GPUs with integer dot products (`q8_1`). Results differ a
    /// little.
    pub pack_activations: bool,
    /// The tilings measured on this adapter.
    pub tuning: Tuning,
    /// The parts of packets that will usually be requested: their kernels are compiled during loading.
    pub watch: PacketParts,
}

impl LoadOptions {
    /// Data type of the KV cache.
    #[must_use]
    pub fn kv_dtype(&self) -> KvDtype {
        self.kv_dtype.unwrap_or(self.dtype.into())
    }

    /// Checks that a model of this configuration can be loaded with these options.
    ///
    /// # Errors
    /// When its head dimension exceeds that of the kernels, or does not fit the data type of the KV cache.
    pub fn check(&self, config: &Config) -> Result<(), ModelError> {
        if config.head_dim > Attention::MOST_HEAD_DIM {
            let most = Attention::MOST_HEAD_DIM;
            let what = format!("heads of {} values, more than {most}", config.head_dim);
            return Err(CheckpointError::Unsupported(what).into());
        }
        Ok(self.kv_dtype().check(config)?)
    }
}

impl Model {
    /// Loads a model to the GPU. `progress` receives the phase (bytes while weights
    /// are uploaded, then steps of compilation), the amount done, and the total.
    ///
    /// # Errors
    /// When the file is damaged, not supported or unreadable, the KV cache cannot have the requested data
    /// type, or GPU memory runs out.
    pub async fn load<S: ByteSource>(
        gpu: Gpu,
        checkpoint: &Checkpoint<'_, S>,
        options: &LoadOptions,
        progress: &mut dyn FnMut(LoadPhase, u64, u64),
    ) -> Result<Self, ModelError> {
        options.check(&checkpoint.config)?;
        let (weights, filling) = Weights::allocate(&gpu, checkpoint, options.quantization)?;
        let model = Self::new(gpu, checkpoint.config.clone(), weights, options)?;
        model.fill(filling, progress).await
    }

    /// A model with random weights, to measure speed.
    ///
    /// # Errors
    /// When the KV cache cannot have the requested data type, or GPU memory runs out.
    pub async fn random(
        gpu: Gpu,
        config: Config,
        options: &LoadOptions,
        progress: &mut dyn FnMut(LoadPhase, u64, u64),
    ) -> Result<Self, ModelError> {
        options.check(&config)?;
        let (weights, filling) =
            Weights::allocate_random(&gpu, &config, GgmlType::F16, options.quantization)?;
        let model = Self::new(gpu, config, weights, options)?;
        model.fill(filling, progress).await
    }

    /// Uploads the weights, while kernels are compiled, and warms the model up.
    async fn fill<S: ByteSource>(
        mut self,
        filling: WeightUpload<'_, S>,
        progress: &mut dyn FnMut(LoadPhase, u64, u64),
    ) -> Result<Self, ModelError> {
        let mut upload = |done, total| progress(LoadPhase::Upload, done, total);
        filling.run(&mut upload).await?;
        progress(LoadPhase::Compile, 0, 1);
        self.warm_up().await?;
        progress(LoadPhase::Compile, 1, 1);
        Ok(self)
    }

    /// A model whose weights are allocated but not uploaded.
    pub(crate) fn new(
        gpu: Gpu,
        mut config: Config,
        weights: Weights,
        options: &LoadOptions,
    ) -> Result<Self, ModelError> {
        if let Some(context) = options.context {
            config.max_position_embeddings = context.clamp(1, config.max_position_embeddings);
        }
        let cache = KvCache::new(&gpu, &config, options.kv_dtype())?;
        let sequences = Sequences::new(&config);
        let step = sequences.step(&gpu, &cache, 1)?;
        let act = Activations::new(&gpu, &config, &weights, options, step)?;
        let changes = Changes::default();
        let tuning = options.tuning.clone();
        let plan = Plan::new(PlanInputs {
            gpu: &gpu,
            config: &config,
            weights: &weights,
            act: &act,
            cache: &cache,
            changes: &changes,
            tuning: &tuning,
        })?;
        Ok(Self {
            gpu,
            config,
            weights,
            act,
            cache,
            changes,
            tuning,
            plan,
            batches: Vec::new(),
            watching: None,
            usual_packet_parts: options.watch,
            readout: None,
            sequences,
            sampler: None,
            draw: None,
            timer: None,
        })
    }
}
