//! What a token that is watched tells of itself, in one small readback.

use vitrine_gpu::{Detail, Recording, Timer};
use vitrine_kernels::{HeadStats, LogitStats, Strongest};

use crate::lens_pace::LensPace;
use crate::plan::{NEURONS, Watch};
use crate::readout::{PendingRows, Readout, ReadoutRequest};
use crate::{Config, Model, ModelError, RowPrediction};

/// Which parts of a packet are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketParts {
    /// Entropy, and a histogram of surprisal.
    pub logits: bool,
    /// How each head spread its attention.
    pub heads: bool,
    /// How long the residual stream is, and what attention and MLPs add.
    pub residual: bool,
    /// The strongest neurons of each layer.
    pub neurons: bool,
    /// How long new keys and values are.
    pub kv: bool,
    /// The logit lens of every n-th layer from layer 0 on, with so many candidates as [`LENS`] says; of
    /// none for 0.
    pub lens_every: u32,
    /// Whether only so many tokens have the lens that tokens take at most 15 % longer for it.
    pub lens_paced: bool,
    /// How long each stage took, in [`Prediction::spans`](crate::Prediction); none where the adapter
    /// cannot tell.
    pub timings: bool,
}

/// Candidates of the logit lens in a packet.
pub const LENS: u32 = 5;

impl PacketParts {
    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// What was asked for of a token; empty where it was not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packet {
    /// Entropy and histogram.
    pub logits: Option<LogitStats>,
    /// (layers, heads).
    pub heads: Vec<Vec<HeadStats>>,
    /// (2 · layers + 1): before each attention, before each MLP and after the last one the length
    /// of the residual stream, and of what was added to it since the row before.
    pub residual: Vec<[f32; 2]>,
    /// (layers): id and activation of the strongest neurons, the strongest first.
    pub neurons: Vec<Vec<(u32, f32)>>,
    /// (layers, kv_heads): length of the new key.
    pub keys: Vec<Vec<f32>>,
    /// (layers, kv_heads): length of the new value.
    pub values: Vec<Vec<f32>>,
    /// The logit lens before each layer that was asked for.
    pub lens: Vec<RowPrediction>,
}

/// The plan of tokens that are watched.
pub(crate) struct Watching {
    parts: PacketParts,
    pub watch: Watch,
    /// Rows of the readout, and how they get in.
    lens: Vec<(Recording, u32)>,
    readout: Option<Readout>,
    /// Where not all tokens have the lens.
    pub pace: Option<LensPace>,
    pub timer: Option<Timer>,
}

/// Where in a readback the parts of a packet are.
pub(crate) struct PacketLayout {
    parts: PacketParts,
    layers: usize,
    heads: usize,
    kv_heads: usize,
    stats_stride: usize,
}

impl Watching {
    fn new(model: &Model, parts: PacketParts) -> Result<Self, ModelError> {
        let config = &model.config;
        let watch = Watch::new(model.basis(), parts)?;
        let layers = config.num_hidden_layers();
        let mut lens = Vec::new();
        let mut readout = None;
        if let (1.., Some(residual)) = (parts.lens_every, &watch.residual) {
            let seen = layers.div_ceil(parts.lens_every);
            let made = model.readout(Readout::rows_for(config).min(seen), LENS)?;
            for first in (0..seen).step_by(made.capacity() as usize) {
                let rows = made.capacity().min(seen - first);
                let mut rows_in = Recording::default();
                for row in 0..rows {
                    let layer = (first + row) * parts.lens_every;
                    made.take(&mut rows_in, &residual.row(2 * layer), 0, 1, row);
                }
                lens.push((rows_in, rows));
            }
            readout = Some(made);
        }
        Ok(Self {
            parts,
            watch,
            lens,
            readout,
            pace: (parts.lens_paced && parts.lens_every > 0).then(LensPace::new),
            timer: match parts.timings {
                true => model.gpu.timer(Detail::Stages)?,
                false => None,
            },
        })
    }

    /// What is to be read after the head, and where it is then.
    pub fn results(&self, config: &Config) -> (Vec<(&vitrine_gpu::Buffer, u64)>, PacketLayout) {
        let (parts, watch) = (self.parts, &self.watch);
        let layers = u64::from(config.num_hidden_layers());
        let mut results = Vec::new();
        if parts.logits {
            results.push((&watch.logit_stats, size_of::<LogitStats>() as u64));
        }
        if parts.residual {
            results.push((&watch.residual_norms, (2 * layers + 1) * 8));
        }
        if parts.neurons {
            results.push((&watch.neurons, layers * u64::from(NEURONS) * 8));
        }
        if parts.kv {
            let rows = layers * 2 * u64::from(config.num_key_value_heads);
            results.push((&watch.kv_norms, rows * 8));
        }
        let heads = watch.head_stats();
        if let Some((stats, stride)) = heads {
            results.push((stats, layers * stride));
        }
        let layout = PacketLayout {
            parts,
            layers: layers as usize,
            heads: config.num_attention_heads as usize,
            kv_heads: config.num_key_value_heads as usize,
            stats_stride: heads.map_or(0, |(_, stride)| stride as usize),
        };
        (results, layout)
    }

    /// Starts the logit lens of what was kept.
    pub fn read_lens(&self, model: &Model) -> Vec<PendingRows> {
        let Some(readout) = &self.readout else {
            return Vec::new();
        };
        let read = |(rows_in, rows): &(Recording, u32)| {
            model.gpu.submit(0, [rows_in]);
            let request = ReadoutRequest {
                top: LENS,
                targets: &[],
            };
            readout.read(&model.gpu, *rows, request)
        };
        self.lens.iter().map(read).collect()
    }
}

impl PacketLayout {
    /// The packet in these bytes.
    pub async fn packet(&self, bytes: &[u8], lens: Vec<PendingRows>) -> Result<Packet, ModelError> {
        let mut packet = Packet::default();
        let mut rest = bytes;
        let mut next = |bytes: usize| {
            let (here, behind) = rest.split_at(bytes.min(rest.len()));
            rest = behind;
            here
        };
        let parts = self.parts;
        if parts.logits {
            let bytes = next(size_of::<LogitStats>());
            packet.logits = Some(bytemuck::pod_read_unaligned(bytes));
        }
        if parts.residual {
            packet.residual = bytemuck::pod_collect_to_vec(next((2 * self.layers + 1) * 8));
        }
        if parts.neurons {
            let all: Vec<[u32; 2]> =
                bytemuck::pod_collect_to_vec(next(self.layers * NEURONS as usize * 8));
            let of_layer = |row: &[[u32; 2]]| -> Vec<(u32, f32)> {
                let there = row.iter().filter(|[_, id]| *id != Strongest::NOBODY);
                there
                    .map(|[bits, id]| (*id, f32::from_bits(*bits)))
                    .collect()
            };
            packet.neurons = all.chunks_exact(NEURONS as usize).map(of_layer).collect();
        }
        if parts.kv {
            let rows = self.layers * 2 * self.kv_heads;
            let norms: Vec<[f32; 2]> = bytemuck::pod_collect_to_vec(next(rows * 8));
            for layer in norms.chunks_exact(2 * self.kv_heads) {
                let (keys, values) = layer.split_at(self.kv_heads);
                packet
                    .keys
                    .push(keys.iter().map(|[norm, _]| *norm).collect());
                packet
                    .values
                    .push(values.iter().map(|[norm, _]| *norm).collect());
            }
        }
        if parts.heads {
            let all = next(self.layers * self.stats_stride);
            let of_layer = |row: &[u8]| {
                let bytes = &row[..self.heads * size_of::<HeadStats>()];
                bytemuck::pod_collect_to_vec(bytes)
            };
            packet.heads = all.chunks_exact(self.stats_stride).map(of_layer).collect();
        }
        for rows in lens {
            packet.lens.extend(rows.rows().await?);
        }
        Ok(packet)
    }
}

impl Model {
    /// Watches every token that is predicted from now on after a single token, so the last of a
    /// prompt too; nothing for none. Predictions then carry a [`Packet`].
    ///
    /// # Errors
    /// When the GPU has no room.
    pub fn watch(&mut self, parts: PacketParts) -> Result<(), ModelError> {
        if self.watched() != parts {
            self.watching = None;
            if !parts.is_empty() {
                self.watching = Some(Watching::new(self, parts)?);
            }
        }
        let pace = self.watching.as_ref().and_then(|it| it.pace.as_ref());
        if let Some(pace) = pace {
            pace.new_sequence();
        }
        Ok(())
    }

    /// What tokens are watched for.
    pub(crate) fn watched(&self) -> PacketParts {
        let watching = self.watching.as_ref();
        watching.map(|watching| watching.parts).unwrap_or_default()
    }

    /// Makes the plan of watched tokens anew, after what it is bound to has changed.
    pub(crate) fn watch_again(&mut self) -> Result<(), ModelError> {
        if let Some(Watching { parts, .. }) = self.watching.take() {
            self.watch(parts)?;
        }
        Ok(())
    }
}
