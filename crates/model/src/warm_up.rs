//! What is done before anybody waits for a token.

use vitrine_kernels::TOP_K;

use crate::{Model, ModelError, PacketParts};

impl Model {
    /// A first run makes drivers compile what they put off, and shows lack of memory now. The first
    /// sequence has to be started anew.
    pub(crate) async fn warm_up(&mut self) -> Result<(), ModelError> {
        let watched = self.watched();
        self.watch(PacketParts::default())?;
        self.prefill(&[0], TOP_K)?.prediction().await?;
        if self.config.max_position_embeddings > 1 {
            self.decode(TOP_K)?.prediction().await?;
        }
        if !self.mostly_watched.is_empty() {
            self.watch(self.mostly_watched)?;
            self.prefill(&[0], TOP_K)?.prediction().await?;
        }
        self.watch(watched)
    }
}
