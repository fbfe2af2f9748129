//! Packets: the inspection data of a generated token, in one small readback.

use vitrine_checkpoint::Config;
use vitrine_gpu::{Detail, Recording, Timer};
use vitrine_kernels::{HeadStats, LogitStats, Strongest};
use vitrine_protocol::PacketParts;

use crate::lens_pace::LensPace;
use crate::plan::{NEURONS, Watch};
use crate::readout::{PendingRows, Readout, ReadoutRequest};
use crate::{Model, ModelError, RowPrediction};

/// Candidates of the logit lens in a packet.
pub const LENS: u32 = 5;

/// The inspection data of a token. Parts that were not requested are empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packet {
    /// Entropy and histogram of surprisal.
    pub logits: Option<LogitStats>,
    /// Attention statistics, (layers, heads).
    pub heads: Vec<Vec<HeadStats>>,
    /// Norm of the residual stream, and norm of what was added since the previous row: before each
    /// attention, before each MLP, and after the last layer, (2 · layers + 1).
    pub residual: Vec<[f32; 2]>,
    /// Id and activation of the strongest neurons of each layer, strongest first, (layers).
    pub neurons: Vec<Vec<(u32, f32)>>,
    /// Norm of the new key, (layers, kv_heads).
    pub keys: Vec<Vec<f32>>,
    /// Norm of the new value, (layers, kv_heads).
    pub values: Vec<Vec<f32>>,
    /// The logit lens before each requested layer.
    pub lens: Vec<RowPrediction>,
}

/// The plan and buffers of inspected tokens.
pub(crate) struct Inspection {
    parts: PacketParts,
    pub watch: Watch,
    /// For each run of the readout, the copies of its rows and their number.
    lens: Vec<(Recording, u32)>,
    readout: Option<Readout>,
    /// Set if not every token has the lens.
    pub pace: Option<LensPace>,
    pub timer: Option<Timer>,
}

/// The layout of a packet's parts in a readback.
pub(crate) struct PacketLayout {
    parts: PacketParts,
    layers: usize,
    heads: usize,
    kv_heads: usize,
    stats_stride: usize,
}

impl Inspection {
    fn new(model: &Model, parts: PacketParts) -> Result<Self, ModelError> {
        let config = &model.config;
        let watch = Watch::new(model.basis(), parts)?;
        let layers = config.num_hidden_layers();
        let mut lens = Vec::new();
        let mut readout = None;
        if let (true, Some(residual)) = (parts.has(PacketParts::LENS), &watch.residual) {
            let every = parts.lens_every();
            let seen = layers.div_ceil(every);
            let made = model.readout(Readout::rows_for(config).min(seen), LENS)?;
            for first in (0..seen).step_by(made.capacity() as usize) {
                let rows = made.capacity().min(seen - first);
                let mut rows_in = Recording::default();
                for row in 0..rows {
                    let layer = (first + row) * every;
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
            pace: (parts.has(PacketParts::LENS_PACED) && parts.has(PacketParts::LENS))
                .then(LensPace::new),
            timer: match parts.has(PacketParts::TIMINGS) {
                true => model.gpu.timer(Detail::Stages)?,
                false => None,
            },
        })
    }

    /// The buffers to read back after the head, with their sizes, and the layout of the result.
    pub fn results(&self, config: &Config) -> (Vec<(&vitrine_gpu::Buffer, u64)>, PacketLayout) {
        let (parts, watch) = (self.parts, &self.watch);
        let layers = u64::from(config.num_hidden_layers());
        let mut results = Vec::new();
        if parts.has(PacketParts::LOGITS) {
            results.push((&watch.logit_stats, size_of::<LogitStats>() as u64));
        }
        if parts.has(PacketParts::RESIDUAL) {
            results.push((&watch.residual_norms, (2 * layers + 1) * 8));
        }
        if parts.has(PacketParts::NEURONS) {
            results.push((&watch.neurons, layers * u64::from(NEURONS) * 8));
        }
        if parts.has(PacketParts::KV) {
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

    /// Submits the logit lens of the kept rows of the residual stream.
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
    /// Parses a packet.
    pub async fn packet(&self, bytes: &[u8], lens: Vec<PendingRows>) -> Result<Packet, ModelError> {
        let mut packet = Packet::default();
        let mut rest = bytes;
        let mut next = |bytes: usize| {
            let (here, behind) = rest.split_at(bytes.min(rest.len()));
            rest = behind;
            here
        };
        let parts = self.parts;
        if parts.has(PacketParts::LOGITS) {
            let bytes = next(size_of::<LogitStats>());
            packet.logits = Some(bytemuck::pod_read_unaligned(bytes));
        }
        if parts.has(PacketParts::RESIDUAL) {
            packet.residual = bytemuck::pod_collect_to_vec(next((2 * self.layers + 1) * 8));
        }
        if parts.has(PacketParts::NEURONS) {
            let all: Vec<[u32; 2]> =
                bytemuck::pod_collect_to_vec(next(self.layers * NEURONS as usize * 8));
            let of_layer = |row: &[[u32; 2]]| -> Vec<(u32, f32)> {
                let there = row.iter().filter(|[_, id]| *id != Strongest::NONE);
                there
                    .map(|[bits, id]| (*id, f32::from_bits(*bits)))
                    .collect()
            };
            packet.neurons = all.chunks_exact(NEURONS as usize).map(of_layer).collect();
        }
        if parts.has(PacketParts::KV) {
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
        if parts.has(PacketParts::HEADS) {
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
    /// Inspects every token that is predicted from now on: predictions carry a [`Packet`] with these
    /// parts. The last token of a prompt runs in a pass of its own, so it has a packet too. Empty parts
    /// end inspection.
    ///
    /// # Errors
    /// When GPU memory runs out.
    pub fn watch(&mut self, parts: PacketParts) -> Result<(), ModelError> {
        if self.watched() != parts {
            self.watching = None;
            if !parts.is_empty() {
                self.watching = Some(Inspection::new(self, parts)?);
            }
        }
        let pace = self.watching.as_ref().and_then(|it| it.pace.as_ref());
        if let Some(pace) = pace {
            pace.new_sequence();
        }
        Ok(())
    }

    /// The requested parts of packets.
    pub(crate) fn watched(&self) -> PacketParts {
        let watching = self.watching.as_ref();
        watching.map(|watching| watching.parts).unwrap_or_default()
    }

    /// Rebuilds the plan of inspected tokens after the buffers that it binds have changed.
    pub(crate) fn rebuild_inspection(&mut self) -> Result<(), ModelError> {
        if let Some(Inspection { parts, .. }) = self.watching.take() {
            self.watch(parts)?;
        }
        Ok(())
    }
}
