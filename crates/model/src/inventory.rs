//! The kernels that a model needs, without its weights.

use vitrine_checkpoint::Config;
use vitrine_checkpoint::ggml::GgmlType;
use vitrine_gpu::{Gpu, Place, Recording, ShaderSource};
use vitrine_kernels::TOP_K;
use vitrine_protocol::PacketParts;
use vitrine_sampling::SamplingParams;

use crate::plan::{BatchPlan, TapBuffers, Watch};
use crate::sequences::SequenceId;
use crate::weights::Weights;
use crate::{Change, LoadOptions, Model, ModelError, PatchSite, Readout, Tap};

/// A kernel that a plan runs.
#[derive(Clone, Debug)]
pub struct PlannedKernel {
    /// The kind of pass: `token`, `batch of 8`, `prompt`, `choice`, or one of the inspected passes.
    pub pass: &'static str,
    /// Stage, layer and name of the dispatch.
    pub place: Place,
    /// The shader permutation.
    pub source: ShaderSource,
}

/// The planned batch sizes.
const BATCHES: [(u32, &str); 3] = [(2, "batch of 2"), (4, "batch of 4"), (8, "batch of 8")];

/// The taps that need kernels of their own.
const TAPS: &str =
    "embedding,hidden_states,attentions,q_proj,k_proj,q,k,v,head_out,attn_out,mlp_out";

impl Model {
    /// Returns every kernel that a model of this configuration runs on `gpu`, for a file with tensors of type
    /// `on_disk`. Weights are not uploaded, so a device that only plans is enough. A kernel that is dispatched in
    /// several places is listed once for each.
    ///
    /// # Errors
    /// When the configuration cannot be loaded with these options.
    pub fn inventory(
        gpu: &Gpu,
        config: &Config,
        on_disk: GgmlType,
        options: &LoadOptions,
    ) -> Result<Vec<PlannedKernel>, ModelError> {
        options.check(config)?;
        let (weights, _) = Weights::allocate_random(gpu, config, on_disk, options.quantization)?;
        let mut model = Self::new(gpu.clone(), config.clone(), weights, options)?;
        let mut found = Inventory::default();
        found.plan(&mut model)?;
        found.look_inside(&mut model)?;
        Ok(found.0)
    }
}

#[derive(Default)]
struct Inventory(Vec<PlannedKernel>);

impl Inventory {
    fn add<'r>(&mut self, pass: &'static str, all: impl IntoIterator<Item = &'r Recording>) {
        let kernels = all.into_iter().flat_map(Recording::kernels);
        self.0.extend(kernels.map(|(place, kernel)| PlannedKernel {
            pass,
            place,
            source: kernel.source().clone(),
        }));
    }

    /// Adds the kernels of text generation.
    fn plan(&mut self, model: &mut Model) -> Result<(), ModelError> {
        let drawing = SamplingParams {
            do_sample: true,
            ..SamplingParams::default()
        };
        model.set_sampling(SequenceId::FIRST, Some(&drawing), 0)?;
        model.prepare_draw(SequenceId::FIRST)?;
        let plan = &model.plan;
        self.add("token", plan.decode.recordings().chain([&plan.head]));
        self.add("prompt", [&plan.prefill]);
        self.add("choice", [&plan.greedy, &plan.top_k]);
        if let Some(draw) = &model.draw {
            self.add("choice", [&draw.count, &draw.sample]);
        }
        for (rows, name) in BATCHES {
            let batch = BatchPlan::new(model.basis(), rows)?;
            self.add(name, [&batch.step]);
            self.add("choice", [&batch.greedy, &batch.top_k]);
        }
        Ok(())
    }

    /// Adds the kernels of inspection and interventions.
    fn look_inside(&mut self, model: &mut Model) -> Result<(), ModelError> {
        let readout = model.readout(Readout::rows_for(model.config()), TOP_K)?;
        self.add("readout", readout.recordings());
        let watch = Watch::new(model.basis(), PacketParts::CHEAP)?;
        self.add("watched", watch.body.recordings().chain([&watch.sums]));
        let taps = Tap::parse_list(TAPS, &model.config)?;
        let tapping = TapBuffers::new(&model.gpu, &model.config, &model.act, &taps, 1, 1)?;
        let segments = model.tapped(&model.changes, &tapping)?;
        let recordings = segments.iter().map(|segment| &segment.recording);
        self.add("tapped", recordings);
        model.change(&changes(&model.config))?;
        let plan = &model.plan;
        self.add("changed", plan.decode.recordings().chain([&plan.prefill]));
        Ok(())
    }
}

/// One change of every kind that adds a kernel.
fn changes(config: &Config) -> Vec<Change> {
    let width = config.hidden_size as usize;
    let patch = |site| Change::Patch {
        site,
        layer: 0,
        positions: vec![0],
        values: vec![0.0; width],
    };
    vec![
        Change::Steer {
            layer: 0,
            vector: vec![0.0; width],
        },
        Change::Head {
            layer: 0,
            head: 0,
            factor: 0.0,
            offset: vec![0.0; config.head_dim as usize],
        },
        patch(PatchSite::Residual),
        patch(PatchSite::MlpOut),
    ]
}
