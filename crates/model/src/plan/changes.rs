//! The buffers of [`Change`]s, and the kernels that apply them.

use std::collections::HashMap;

use vitrine_checkpoint::Config;
use vitrine_gpu::{Buffer, Dispatch, Gpu, Usage};
use vitrine_kernels::{Adjust, Patch, stride};

use super::Builder;
use crate::activations::Activations;
use crate::{Change, ModelError, PatchSite, Tap};

/// The changes of a plan, by layer. A layer without changes has no additional commands.
#[derive(Default)]
pub struct Changes {
    layers: HashMap<u32, LayerChanges>,
    /// The output of an MLP, computed separately to replace it within the residual stream.
    part: Option<Buffer>,
}

#[derive(Default)]
struct LayerChanges {
    heads: Option<Adjustment>,
    steer: Option<Adjustment>,
    skip_attention: bool,
    skip_mlp: bool,
    patches: Vec<PatchBuffers>,
}

/// x · factor + offset.
struct Adjustment {
    factor: Buffer,
    offset: Buffer,
}

struct PatchBuffers {
    site: PatchSite,
    slots: Buffer,
    values: Buffer,
}

impl Changes {
    /// Checks the changes and uploads their values.
    pub fn new(
        gpu: &Gpu,
        config: &Config,
        act: &Activations,
        changes: &[Change],
    ) -> Result<Self, ModelError> {
        let mut of_layers: HashMap<u32, Vec<&Change>> = HashMap::new();
        for change in changes {
            change.check(config)?;
            of_layers.entry(change.layer()).or_default().push(change);
        }
        let mut layers = HashMap::new();
        for (layer, changes) in of_layers {
            layers.insert(layer, LayerChanges::new(gpu, config, &changes)?);
        }
        let replaces_part = |change: &Change| {
            let site = PatchSite::MlpOut;
            matches!(change, Change::Patch { site: of, .. } if *of == site)
        };
        let part = match changes.iter().any(replaces_part) && !config.post_norms {
            true => Some(act.rows(gpu, "part", config.hidden_size)?),
            false => None,
        };
        Ok(Self { layers, part })
    }
}

impl LayerChanges {
    fn new(gpu: &Gpu, config: &Config, changes: &[&Change]) -> Result<Self, ModelError> {
        let mut made = Self::default();
        let width = (config.num_attention_heads * config.head_dim) as usize;
        let mut heads: Option<[Vec<f32>; 2]> = None;
        let mut steer: Option<[Vec<f32>; 2]> = None;
        for change in changes {
            match change {
                Change::Head {
                    head,
                    factor,
                    offset,
                    ..
                } => {
                    let [factors, offsets] =
                        heads.get_or_insert_with(|| [vec![1.0; width], vec![0.0; width]]);
                    let first = (head * config.head_dim) as usize;
                    let dims = first..first + config.head_dim as usize;
                    factors[dims.clone()].fill(*factor);
                    if !offset.is_empty() {
                        offsets[dims].copy_from_slice(offset);
                    }
                }
                Change::SkipAttention { .. } => made.skip_attention = true,
                Change::SkipMlp { .. } => made.skip_mlp = true,
                Change::Steer { vector, .. } => {
                    let [_, offsets] = steer
                        .get_or_insert_with(|| [vec![1.0; vector.len()], vec![0.0; vector.len()]]);
                    for (sum, more) in offsets.iter_mut().zip(vector) {
                        *sum += more;
                    }
                }
                Change::Patch {
                    site,
                    positions,
                    values,
                    ..
                } if !positions.is_empty() => {
                    let width = site.width(config);
                    made.patches
                        .push(PatchBuffers::new(gpu, *site, positions, values, width)?);
                }
                Change::Patch { .. } => {}
            }
        }
        let adjustment = |numbers: Option<[Vec<f32>; 2]>| -> Result<_, ModelError> {
            numbers
                .map(|numbers| Adjustment::new(gpu, numbers))
                .transpose()
        };
        made.heads = adjustment(heads)?;
        made.steer = adjustment(steer)?;
        Ok(made)
    }
}

impl Adjustment {
    fn new(gpu: &Gpu, [factor, offset]: [Vec<f32>; 2]) -> Result<Self, ModelError> {
        Ok(Self {
            factor: upload(gpu, "factor", &factor)?,
            offset: upload(gpu, "offset", &offset)?,
        })
    }
}

impl PatchBuffers {
    fn new(
        gpu: &Gpu,
        site: PatchSite,
        positions: &[u32],
        values: &[f32],
        width: u32,
    ) -> Result<Self, ModelError> {
        let last = positions.iter().copied().max().unwrap_or_default();
        let mut slots = vec![Patch::NOTHING; last as usize + 1];
        // Buffers are rounded up to 16 bytes: slots beyond the end must be marked as unused.
        slots.resize(slots.len().next_multiple_of(4), Patch::NOTHING);
        let mut rows = Vec::new();
        for (slot, (position, row)) in
            (0..).zip(positions.iter().zip(values.chunks_exact(width as usize)))
        {
            slots[*position as usize] = slot;
            rows.extend_from_slice(row);
            rows.resize(rows.len().next_multiple_of(2), 0.0);
        }
        Ok(Self {
            site,
            slots: upload(gpu, "slots", &slots)?,
            values: upload(gpu, "patch", &rows)?,
        })
    }
}

fn upload<T: bytemuck::NoUninit>(
    gpu: &Gpu,
    label: &str,
    numbers: &[T],
) -> Result<Buffer, ModelError> {
    let bytes: &[u8] = bytemuck::cast_slice(numbers);
    let buffer = gpu.buffer(label, bytes.len() as u64, Usage::Input)?;
    gpu.write(&buffer, 0, bytes);
    Ok(buffer)
}

impl Builder<'_> {
    fn changes(&self, layer: u32) -> Option<&LayerChanges> {
        self.changes.layers.get(&layer)
    }

    /// Whether the module with this output is skipped.
    pub(super) fn skips(&self, out: Tap) -> bool {
        let skipped =
            |layer: u32, skips: fn(&LayerChanges) -> bool| self.changes(layer).is_some_and(skips);
        match out {
            Tap::AttnOut(layer) => skipped(layer, |changes| changes.skip_attention),
            Tap::MlpOut(layer) => skipped(layer, |changes| changes.skip_mlp),
            _ => false,
        }
    }

    /// Records the changes of the residual stream before a layer.
    pub(super) fn change_residual(&mut self, layer: u32) -> Result<(), ModelError> {
        let x = &self.act.residual;
        let n = self.config.hidden_size;
        let mut dispatches = Vec::new();
        if let Some(changes) = self.changes(layer) {
            if let Some(Adjustment { factor, offset }) = &changes.steer {
                let adjust = Adjust {
                    n,
                    dtype: self.act.dtype,
                };
                dispatches.push(adjust.dispatch(self.gpu, x, factor, offset)?);
            }
            for patch in &changes.patches {
                if patch.site == PatchSite::Residual {
                    dispatches.push(self.overwrite(patch, x, 0, stride(n))?);
                }
            }
        }
        self.extend(dispatches);
        Ok(())
    }

    /// Records the changes of a layer's head outputs, before `o_proj`.
    pub(super) fn change_heads(&mut self, layer: u32) -> Result<(), ModelError> {
        let x = &self.act.attn_out;
        let n = self.config.num_attention_heads * self.config.head_dim;
        let mut dispatches = Vec::new();
        if let Some(changes) = self.changes(layer) {
            if let Some(Adjustment { factor, offset }) = &changes.heads {
                let adjust = Adjust {
                    n,
                    dtype: self.act.dtype,
                };
                dispatches.push(adjust.dispatch(self.gpu, x, factor, offset)?);
            }
            for patch in &changes.patches {
                if let PatchSite::Head(head) = patch.site {
                    let from = head * self.config.head_dim;
                    dispatches.push(self.overwrite(patch, x, from, stride(n))?);
                }
            }
        }
        self.extend(dispatches);
        Ok(())
    }

    /// Records the patches of an MLP's output that is in a buffer of its own.
    pub(super) fn change_mlp_out(&mut self, layer: u32, x: &Buffer) -> Result<(), ModelError> {
        let mut dispatches = Vec::new();
        for patch in self.mlp_patches(layer) {
            dispatches.push(self.overwrite(patch, x, 0, stride(self.config.hidden_size))?);
        }
        self.extend(dispatches);
        Ok(())
    }

    /// The buffer in which to compute an MLP's output separately, if a patch replaces it within the residual
    /// stream.
    pub(super) fn mlp_part(&self, layer: u32) -> Option<&Buffer> {
        let part = self.changes.part.as_ref()?;
        if self.skips(Tap::MlpOut(layer)) {
            return None;
        }
        self.mlp_patches(layer).next().map(|_| part)
    }

    /// Records the replacement of `part`, which has already been added to the residual stream.
    pub(super) fn replace_mlp_out(&mut self, layer: u32, part: &Buffer) -> Result<(), ModelError> {
        let n = self.config.hidden_size;
        let kernel = Patch {
            from: 0,
            n,
            stride: stride(n),
            instead_of: true,
            dtype: self.act.dtype,
        };
        let mut dispatches = Vec::new();
        for PatchBuffers { slots, values, .. } in self.mlp_patches(layer) {
            let (x, step) = (&self.act.residual, &self.act.step);
            let dispatch = kernel.dispatch(self.gpu, x, [slots, values], step, Some(part))?;
            dispatches.push(dispatch);
        }
        self.extend(dispatches);
        Ok(())
    }

    fn mlp_patches(&self, layer: u32) -> impl Iterator<Item = &PatchBuffers> {
        let patches = self.changes(layer).into_iter();
        patches
            .flat_map(|changes| &changes.patches)
            .filter(|patch| patch.site == PatchSite::MlpOut)
    }

    fn overwrite(
        &self,
        patch: &PatchBuffers,
        x: &Buffer,
        from: u32,
        stride: u32,
    ) -> Result<Dispatch, ModelError> {
        let kernel = Patch {
            from,
            n: patch.site.width(self.config),
            stride,
            instead_of: false,
            dtype: self.act.dtype,
        };
        let PatchBuffers { slots, values, .. } = patch;
        Ok(kernel.dispatch(self.gpu, x, [slots, values], &self.act.step, None)?)
    }
}
