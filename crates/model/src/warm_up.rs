//! The first passes of a model, before it generates.

use vitrine_kernels::TOP_K;
use vitrine_protocol::PacketParts;

use crate::{Model, ModelError};

impl Model {
    /// Runs every kernel once, so that drivers finish deferred compilation and a lack of memory shows
    /// now. The first sequence must be restarted afterwards.
    pub(crate) async fn warm_up(&mut self) -> Result<(), ModelError> {
        let watched = self.watched();
        self.watch(PacketParts::default())?;
        self.prefill(&[0], TOP_K)?.prediction().await?;
        if self.config.max_position_embeddings > 1 {
            self.decode(TOP_K)?.prediction().await?;
        }
        if !self.usual_packet_parts.is_empty() {
            self.watch(self.usual_packet_parts)?;
            self.prefill(&[0], TOP_K)?.prediction().await?;
        }
        self.watch(watched)
    }
}
