use super::linear::Linear;
use super::vector::{NormWeights, Vector};

/// The weights of one decoder layer.
pub struct LayerWeights {
    /// The norm before attention.
    pub input_norm: NormWeights,
    /// q_proj, k_proj and v_proj, stacked.
    pub qkv_proj: Linear,
    /// The norms of query and key heads, (head_dim) each.
    pub qk_norm: Option<[Vector; 2]>,
    /// (hidden_size, heads · head_dim).
    pub o_proj: Linear,
    /// The norm of what attention adds.
    pub attn_out_norm: Option<NormWeights>,
    /// The norm before the MLP.
    pub mlp_norm: NormWeights,
    /// gate_proj and up_proj, stacked, or the only one.
    pub gate_up_proj: Linear,
    /// (hidden_size, intermediate_size).
    pub down_proj: Linear,
    /// The norm of what the MLP adds.
    pub mlp_out_norm: Option<NormWeights>,
}

impl LayerWeights {
    /// Bytes on the GPU.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let linears = [
            &self.qkv_proj,
            &self.o_proj,
            &self.gate_up_proj,
            &self.down_proj,
        ];
        let norms = [
            Some(&self.input_norm),
            self.attn_out_norm.as_ref(),
            Some(&self.mlp_norm),
            self.mlp_out_norm.as_ref(),
        ];
        linears.iter().map(|linear| linear.bytes()).sum::<u64>()
            + norms
                .into_iter()
                .flatten()
                .map(NormWeights::bytes)
                .sum::<u64>()
            + self
                .qk_norm
                .iter()
                .flatten()
                .map(Vector::bytes)
                .sum::<u64>()
    }
}
