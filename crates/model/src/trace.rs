//! Prompts with taps: reading intermediate tensors of a whole prompt.

use std::ops::Range;

use vitrine_checkpoint::Config;
use vitrine_gpu::{Readback, Recording};
use vitrine_kernels::{Dtype, TOP_K};
use vitrine_protocol::{Tensor, TensorData};

use crate::model::Body;
use crate::plan::{Changes, MAX_PASS, Plan, PlanInputs, Read, Segment, TapBuffers};
use crate::readout::{PendingRows, Readout, ReadoutRequest};
use crate::sequences::SequenceId;
use crate::{Model, ModelError, Prediction, RowPrediction, Tap};

/// Maximum bytes that the taps of one pass read back.
const PASS_BYTES: u64 = 64 << 20;

/// An intermediate tensor of a whole prompt, in f32.
#[derive(Clone, Debug, PartialEq)]
pub struct Tapped {
    /// The tap.
    pub tap: Tap,
    /// Its shape: [`Tap::shape`].
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

impl Tapped {
    fn new(tap: Tap, config: &Config, positions: u32) -> Self {
        let shape = tap.shape(config, positions);
        let values = vec![0.0; shape.iter().product()];
        Self { tap, shape, values }
    }
}

/// A request for the logit lens of every layer and position, without the logits themselves.
#[derive(Clone, Debug, Default)]
pub struct LensRequest {
    /// The number of candidates, at most [`vitrine_kernels::TOP_K`].
    pub top: u32,
    /// For each position, a token whose logit and rank are wanted in all layers; may be empty.
    pub targets: Vec<u32>,
}

/// The tensors and lens of a traced prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelTrace {
    /// The prediction of the token after the prompt.
    pub prediction: Prediction,
    /// The tensors, in order of the taps.
    pub tensors: Vec<Tapped>,
    /// The lens before each layer and the model's own predictions, (layers + 1, positions). Empty if
    /// not requested.
    pub lens: Vec<Vec<RowPrediction>>,
}

/// The parameters of a trace.
struct TapRequest<'a> {
    id: SequenceId,
    ids: &'a [u32],
    taps: &'a [Tap],
    top: u32,
    /// Whether to ignore the changes that are active in the model.
    as_it_is: bool,
}

/// The segments and readouts of each pass.
struct Watch<'a> {
    taps: &'a [Tap],
    lens: Option<LensRequest>,
    readout: Option<Readout>,
    segments: Vec<Segment>,
}

/// A pending readback of a pass; `first` is the position of its first row.
enum PendingRead {
    Rows {
        tap: Tap,
        first: u32,
        rows: u32,
        readback: Readback,
    },
    Lens {
        layer: usize,
        pending: PendingRows,
    },
}

impl Model {
    /// Restarts the first sequence with `ids` as [`Model::prefill`] does, and returns the tensors at
    /// `taps`. The prediction is bit-identical to that without taps.
    ///
    /// # Errors
    /// When there are no ids, too many, or unknown ones; the model has no such tap; or GPU memory runs out.
    pub async fn trace(
        &mut self,
        ids: &[u32],
        taps: &[Tap],
        top: u32,
        lens: Option<LensRequest>,
    ) -> Result<ModelTrace, ModelError> {
        let request = TapRequest {
            id: SequenceId::FIRST,
            ids,
            taps,
            top,
            as_it_is: false,
        };
        self.trace_as(request, lens).await
    }

    /// The names of the kernels of a prefill pass, in order, without and with `taps`.
    ///
    /// # Errors
    /// When the model has no such tap, or GPU memory runs out.
    pub fn kernels(&self, taps: &[Tap]) -> Result<[Vec<String>; 2], ModelError> {
        taps.iter().try_for_each(|tap| tap.check(&self.config))?;
        let (gpu, config) = (&self.gpu, &self.config);
        let tapping = TapBuffers::new(gpu, config, &self.act, taps, 1, 1)?;
        let segments = self.tapped(&self.changes, &tapping)?;
        let names = |recording: &Recording| recording.names().map(str::to_owned).collect();
        let tapped = segments
            .iter()
            .flat_map(|segment| segment.recording.names());
        Ok([
            names(&self.plan.prefill),
            tapped.map(str::to_owned).collect(),
        ])
    }

    /// A prefill pass, split at every tap.
    pub(crate) fn tapped(
        &self,
        changes: &Changes,
        tapping: &TapBuffers,
    ) -> Result<Vec<Segment>, ModelError> {
        let basis = PlanInputs {
            changes,
            ..self.basis()
        };
        Plan::tapped(basis, tapping)
    }

    /// Reads the tensors at `taps` for `ids` in a temporary sequence, without the changes that are active
    /// in the model. Other sequences are not affected.
    ///
    /// # Errors
    /// As [`Model::trace`].
    pub async fn trace_aside(
        &mut self,
        ids: &[u32],
        taps: &[Tap],
    ) -> Result<Vec<Tapped>, ModelError> {
        let id = self.open()?;
        let request = TapRequest {
            id,
            ids,
            taps,
            top: 0,
            as_it_is: true,
        };
        let trace = self.trace_as(request, None).await;
        self.end(id)?;
        Ok(trace?.tensors)
    }

    async fn trace_as(
        &mut self,
        request: TapRequest<'_>,
        lens: Option<LensRequest>,
    ) -> Result<ModelTrace, ModelError> {
        let TapRequest {
            id,
            ids,
            taps,
            top,
            as_it_is,
        } = request;
        taps.iter().try_for_each(|tap| tap.check(&self.config))?;
        let positions = self.prepare(id, ids)?;
        let layers = self.config.num_hidden_layers();
        let per_token: u64 = taps
            .iter()
            .map(|tap| tap.bytes(&self.config, positions) / u64::from(positions))
            .sum();
        let rows = (PASS_BYTES / per_token.max(1)).clamp(1, u64::from(MAX_PASS)) as u32;
        let rows = rows.min(positions);

        let mut places = taps.to_vec();
        if lens.is_some() {
            places.extend((0..layers).map(Tap::Lens).chain([Tap::Logits]));
        }
        let (gpu, config) = (&self.gpu, &self.config);
        let tapping = TapBuffers::new(gpu, config, &self.act, &places, rows, positions)?;
        let unchanged = Changes::default();
        let changes = if as_it_is { &unchanged } else { &self.changes };
        let segments = self.tapped(changes, &tapping)?;
        let reads_out = |tap: &Tap| matches!(tap, Tap::Lens(_) | Tap::Logits);
        let readout = match places.iter().any(reads_out) {
            true => Some(self.readout(Readout::rows_for(config).min(rows), TOP_K)?),
            false => None,
        };
        let watch = Watch {
            taps,
            lens,
            readout,
            segments,
        };

        let mut tensors: Vec<Tapped> = taps
            .iter()
            .map(|tap| Tapped::new(*tap, config, positions))
            .collect();
        let mut lens = match &watch.lens {
            Some(_) => vec![Vec::new(); layers as usize + 1],
            None => Vec::new(),
        };
        let mut prediction = None;
        for first in (0..positions).step_by(rows as usize) {
            let n_tokens = rows.min(positions - first);
            self.point_at(id, first..first + n_tokens);
            let underway = self.pass(first, n_tokens, &watch);
            if first + n_tokens == positions {
                prediction = Some(self.finish(id, Body::Done, n_tokens, top)?);
                self.moved_on(id, positions)?;
            }
            for underway in underway {
                match underway {
                    PendingRead::Lens { layer, pending } => {
                        lens[layer].extend(pending.rows().await?);
                    }
                    PendingRead::Rows {
                        tap,
                        first,
                        rows,
                        readback,
                    } => {
                        let bytes = readback.bytes().await?;
                        if let Some(tapped) = tensors.iter_mut().find(|one| one.tap == tap) {
                            self.put(tapped, first, rows, &bytes);
                        }
                    }
                }
            }
        }
        let prediction = match prediction {
            Some(pending) => pending.prediction().await?,
            None => return Err(ModelError::EmptyPrompt),
        };
        Ok(ModelTrace {
            prediction,
            tensors,
            lens,
        })
    }

    /// Submits a pass and the readbacks of its taps.
    fn pass(&self, first: u32, n_tokens: u32, watch: &Watch<'_>) -> Vec<PendingRead> {
        let mut underway = Vec::new();
        for Segment { recording, reads } in &watch.segments {
            self.gpu.submit(n_tokens, [recording]);
            for read in reads {
                if let (Tap::Lens(_) | Tap::Logits, Some(readout)) = (read.tap, &watch.readout) {
                    underway.extend(self.read_out(first, n_tokens, read, readout, watch));
                } else {
                    let bytes = read.row_bytes * u64::from(n_tokens);
                    let results = [(&read.buffer, bytes)];
                    underway.push(PendingRead::Rows {
                        tap: read.tap,
                        first,
                        rows: n_tokens,
                        readback: self.gpu.submit_and_read(n_tokens, [], &results),
                    });
                }
            }
        }
        underway
    }

    /// Submits the readout of all rows of a pass, a few at a time.
    fn read_out(
        &self,
        first: u32,
        n_tokens: u32,
        read: &Read,
        readout: &Readout,
        watch: &Watch<'_>,
    ) -> Vec<PendingRead> {
        let tap = read.tap;
        let mut underway = Vec::new();
        let request = |rows: Range<u32>| {
            let lens = watch.lens.as_ref();
            let positions = (first + rows.start) as usize..(first + rows.end) as usize;
            let targets = lens.and_then(|lens| lens.targets.get(positions));
            ReadoutRequest {
                top: lens.map_or(0, |lens| lens.top),
                targets: targets.unwrap_or_default(),
            }
        };
        let then = |stretch: Range<u32>, pending| {
            if watch.lens.is_some() {
                let layers = self.config.num_hidden_layers();
                let layer = tap.layer().unwrap_or(layers) as usize;
                underway.push(PendingRead::Lens { layer, pending });
            }
            if watch.taps.contains(&tap) {
                let rows = stretch.len() as u32;
                let bytes = u64::from(rows) * u64::from(readout.logits_stride()) * 4;
                let results = [(&readout.logits, bytes)];
                underway.push(PendingRead::Rows {
                    tap,
                    first: first + stretch.start,
                    rows,
                    readback: self.gpu.submit_and_read(rows, [], &results),
                });
            }
        };
        readout.read_all(&self.gpu, &read.buffer, n_tokens, request, then);
        underway
    }

    /// Copies the rows of a pass to their places in the whole tensor.
    fn put(&self, tapped: &mut Tapped, first: u32, n_tokens: u32, bytes: &[u8]) {
        let config = &self.config;
        let (first, n_tokens) = (first as usize, n_tokens as usize);
        let numbers = match tapped.tap {
            Tap::Attentions(_) | Tap::Lens(_) | Tap::Logits => Dtype::F32.floats(bytes),
            _ => self.act.dtype.floats(bytes),
        };
        let rows = numbers.chunks_exact(numbers.len() / n_tokens);
        let row_width = |tapped: &Tapped| -> usize { tapped.shape[1..].iter().product() };
        match tapped.tap {
            Tap::Attentions(_) => {
                let positions = tapped.shape[1];
                for (at, row) in (first..).zip(rows) {
                    for (head, probs) in row.chunks_exact(positions).enumerate() {
                        let start = (head * positions + at) * positions;
                        tapped.values[start..start + positions].copy_from_slice(probs);
                    }
                }
            }
            Tap::Q(layer) | Tap::K(layer) | Tap::V(layer) => {
                let [heads, positions, head_dim] = [0, 1, 2].map(|i| tapped.shape[i]);
                // Values follow the keys.
                let skipped = match tapped.tap {
                    Tap::V(_) => heads,
                    _ => 0,
                };
                let rope = config.layers[layer as usize].rope;
                let layout = self.cache.layout(&self.gpu, config, rope);
                for (at, row) in (first..).zip(rows) {
                    let of_heads = row.chunks_exact(head_dim).skip(skipped).take(heads);
                    for (head, values) in of_heads.enumerate() {
                        let start = (head * positions + at) * head_dim;
                        for (pair, values) in (0..).zip(values.chunks_exact(2)) {
                            let [a, b] = layout.pair_dims(pair);
                            tapped.values[start + a as usize] = values[0];
                            tapped.values[start + b as usize] = values[1];
                        }
                    }
                }
            }
            Tap::QProj(layer) | Tap::KProj(layer) => {
                let [heads, positions, head_dim] = [0, 1, 2].map(|i| tapped.shape[i]);
                let starts = &self.weights.layers[layer as usize].qkv_proj.matrix.starts;
                let from = match tapped.tap {
                    Tap::KProj(_) => starts[1] as usize,
                    _ => 0,
                };
                for (at, row) in (first..).zip(rows) {
                    for (head, values) in row[from..].chunks(head_dim).take(heads).enumerate() {
                        let start = (head * positions + at) * head_dim;
                        tapped.values[start..start + head_dim].copy_from_slice(values);
                    }
                }
            }
            _ => {
                let width = row_width(tapped);
                for (at, row) in (first..).zip(rows) {
                    tapped.values[at * width..(at + 1) * width].copy_from_slice(&row[..width]);
                }
            }
        }
    }
}

impl From<Tapped> for Tensor {
    fn from(tapped: Tapped) -> Self {
        Self {
            name: tapped.tap.to_string(),
            shape: tapped.shape.iter().map(|size| *size as u32).collect(),
            data: TensorData::F32(tapped.values),
        }
    }
}
