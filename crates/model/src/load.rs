//! How a model comes to the GPU.

use vitrine_gpu::Gpu;
use vitrine_kernels::{Dtype, KvDtype};

use crate::checkpoint::Checkpoint;
use crate::ggml::GgmlType;
use crate::kv_cache::KvCache;
use crate::plan::{Activations, Basis, Changes, Plan};
use crate::sequences::Sequences;
use crate::source::ByteSource;
use crate::weights::{Filling, Quantization, Weights};
use crate::{Config, Model, ModelError, PacketParts, Tuning};

/// What to allow for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadOptions {
    /// Shorten the model's context to this many tokens.
    pub context: Option<u32>,
    /// Number format of activations.
    pub dtype: Dtype,
    /// Number format of the KV cache; without it that of activations.
    pub kv_dtype: Option<KvDtype>,
    /// Whether to quantise float weights.
    pub quantization: Quantization,
    /// Round activations to signed bytes with a scale per 32 wherever they are multiplied by quantised
    /// weights, as llama.cpp does on GPUs with integer dot products (`q8_1`): results differ a little.
    pub pack_activations: bool,
    /// What is known of how matrices are best multiplied on this adapter.
    pub tuning: Tuning,
    /// What tokens will be watched for, mostly: its kernels are compiled while the model is loaded.
    pub watch: PacketParts,
}

impl LoadOptions {
    /// Number format of the KV cache.
    #[must_use]
    pub fn kv_dtype(&self) -> KvDtype {
        self.kv_dtype.unwrap_or(self.dtype.into())
    }

    /// Refuses what a model of this configuration cannot be loaded with.
    ///
    /// # Errors
    /// When its heads do not fit the number format of the KV cache.
    pub fn check(&self, config: &Config) -> Result<(), ModelError> {
        let (head_dim, multiple) = (config.head_dim, self.kv_dtype().head_multiple());
        match head_dim.is_multiple_of(multiple) {
            true => Ok(()),
            false => Err(ModelError::KvDtype { head_dim, multiple }),
        }
    }
}

/// The stages of [`Model::load`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadStage {
    /// Weights go to the GPU, while kernels are compiled; counted in bytes.
    Upload,
    /// The rest is compiled, and kernels run once; counted in steps.
    Compile,
}

impl Model {
    /// Brings a model to the GPU. `progress` hears of the stage, done, and in all.
    ///
    /// # Errors
    /// When the file is damaged, not supported or unreadable, the KV cache cannot have the number format
    /// that is asked for, or the GPU has no room.
    pub async fn load<S: ByteSource>(
        gpu: Gpu,
        checkpoint: &Checkpoint<'_, S>,
        options: &LoadOptions,
        progress: &mut dyn FnMut(LoadStage, u64, u64),
    ) -> Result<Self, ModelError> {
        options.check(&checkpoint.config)?;
        let (weights, filling) = Weights::allocate(&gpu, checkpoint, options.quantization)?;
        let model = Self::new(gpu, checkpoint.config.clone(), weights, options)?;
        model.fill(filling, progress).await
    }

    /// A model of random weights, to measure speed with.
    ///
    /// # Errors
    /// When the KV cache cannot have the number format that is asked for, or the GPU has no room.
    pub async fn random(
        gpu: Gpu,
        config: Config,
        options: &LoadOptions,
        progress: &mut dyn FnMut(LoadStage, u64, u64),
    ) -> Result<Self, ModelError> {
        options.check(&config)?;
        let (weights, filling) =
            Weights::allocate_random(&gpu, &config, GgmlType::F16, options.quantization)?;
        let model = Self::new(gpu, config, weights, options)?;
        model.fill(filling, progress).await
    }

    /// Brings the weights; kernels are compiled meanwhile.
    async fn fill<S: ByteSource>(
        mut self,
        filling: Filling<'_, S>,
        progress: &mut dyn FnMut(LoadStage, u64, u64),
    ) -> Result<Self, ModelError> {
        let mut upload = |done, total| progress(LoadStage::Upload, done, total);
        filling.run(&mut upload).await?;
        progress(LoadStage::Compile, 0, 1);
        self.warm_up().await?;
        progress(LoadStage::Compile, 1, 1);
        Ok(self)
    }

    /// A model whose weights are still to come.
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
        let plan = Plan::new(Basis {
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
            mostly_watched: options.watch,
            readout: None,
            sequences,
            sampler: None,
            draw: None,
            timer: None,
        })
    }
}
