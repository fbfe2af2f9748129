use crate::CheckpointError;
use crate::ggml::GgmlType;
use crate::source::SourceError;

/// A tensor of a checkpoint: name, shape, type, and position in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name, such as `model.layers.0.self_attn.q_proj.weight`.
    pub name: String,
    /// Its shape, rows first.
    pub shape: Vec<u64>,
    /// Its type; `None` if that is not supported.
    pub kind: Option<GgmlType>,
    /// The name of its type in the file.
    pub type_name: String,
    /// Index of its file in the checkpoint.
    pub file: usize,
    /// Its first byte, from the start of the file.
    pub offset: u64,
    /// Its length in bytes; in GGUF files 0 if the type is not supported.
    pub bytes: u64,
}

impl TensorInfo {
    /// Its type.
    ///
    /// # Errors
    /// When the type is not supported.
    pub fn kind(&self) -> Result<GgmlType, CheckpointError> {
        self.kind.ok_or_else(|| {
            let what = format!("the tensor type {} (tensor {})", self.type_name, self.name);
            CheckpointError::Unsupported(what)
        })
    }

    /// Its number of elements.
    ///
    /// # Errors
    /// When the product overflows.
    pub fn elements(&self) -> Result<u64, CheckpointError> {
        let product = self
            .shape
            .iter()
            .try_fold(1u64, |product, n| product.checked_mul(*n));
        product.ok_or_else(|| self.wrong("has more elements than can be counted"))
    }

    /// Computes its length from shape and type.
    pub(crate) fn measure(&mut self) -> Result<(), CheckpointError> {
        let elements = self.elements()?;
        let Some(kind) = self.kind else {
            return Ok(()); // Refused when its weights are read.
        };
        let (block, block_bytes) = kind.block();
        if !self
            .shape
            .last()
            .copied()
            .unwrap_or(1)
            .is_multiple_of(block)
        {
            return Err(self.wrong("has rows that are not whole blocks"));
        }
        let bytes = (elements / block).checked_mul(block_bytes);
        self.bytes = bytes.ok_or_else(|| self.wrong("lies beyond the end of any file"))?;
        Ok(())
    }

    /// Checks that the tensor ends within its file.
    pub(crate) fn check_end(&self, file_len: u64) -> Result<(), CheckpointError> {
        match self.offset.checked_add(self.bytes) {
            None => Err(self.wrong("lies beyond the end of any file")),
            Some(end) if end > file_len => {
                let error = SourceError::Truncated { end, len: file_len };
                Err(CheckpointError::Truncated(error))
            }
            Some(_) => Ok(()),
        }
    }

    /// An error about this tensor: it is damaged.
    #[must_use]
    pub fn wrong(&self, what: &str) -> CheckpointError {
        CheckpointError::Damaged(format!("the tensor {} {what}", self.name))
    }
}

/// Refuses tensors of one file that share bytes, which no format allows.
pub(crate) fn check_overlaps<'t>(
    tensors: impl Iterator<Item = &'t TensorInfo>,
) -> Result<(), CheckpointError> {
    let mut ordered: Vec<&TensorInfo> = tensors.filter(|info| info.bytes > 0).collect();
    ordered.sort_unstable_by_key(|info| info.offset);
    for pair in ordered.windows(2) {
        if let [first, second] = pair
            && first.offset + first.bytes > second.offset
        {
            return Err(second.wrong(&format!("overlaps {}", first.name)));
        }
    }
    Ok(())
}
