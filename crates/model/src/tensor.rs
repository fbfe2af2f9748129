use crate::ModelError;
use crate::ggml::GgmlType;
use crate::source::SourceError;

/// Where a tensor of a checkpoint lies and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name, `model.layers.0.self_attn.q_proj.weight`.
    pub name: String,
    /// Its shape, rows first.
    pub shape: Vec<u64>,
    /// How its numbers are stored; none for types that we do not read.
    pub kind: Option<GgmlType>,
    /// The name of its type in the file.
    pub type_name: String,
    /// Which of the checkpoint's files.
    pub file: usize,
    /// Its first byte, from the start of the file.
    pub offset: u64,
    /// Its length in bytes; 0 for types that we do not read.
    pub bytes: u64,
}

impl TensorInfo {
    /// Its type.
    ///
    /// # Errors
    /// When it is one that we do not read.
    pub fn kind(&self) -> Result<GgmlType, ModelError> {
        self.kind.ok_or_else(|| {
            let what = format!(
                "the number format {} (tensor {})",
                self.type_name, self.name
            );
            ModelError::Unsupported(what)
        })
    }

    /// Its numbers in all.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub fn elements(&self) -> Result<u64, ModelError> {
        let product = self
            .shape
            .iter()
            .try_fold(1u64, |product, n| product.checked_mul(*n));
        product.ok_or_else(|| self.wrong("has more elements than can be counted"))
    }

    /// Sets its length by shape and type.
    pub(crate) fn measure(&mut self) -> Result<(), ModelError> {
        let elements = self.elements()?;
        let Some(kind) = self.kind else {
            return Ok(()); // Refused when somebody asks for its weights.
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

    /// Refuses a tensor that its file cannot hold.
    pub(crate) fn check_end(&self, file_len: u64) -> Result<(), ModelError> {
        match self.offset.checked_add(self.bytes) {
            None => Err(self.wrong("lies beyond the end of any file")),
            Some(end) if end > file_len => {
                let error = SourceError::Truncated { end, len: file_len };
                Err(ModelError::Truncated(error))
            }
            Some(_) => Ok(()),
        }
    }

    /// An error about this tensor.
    pub(crate) fn wrong(&self, what: &str) -> ModelError {
        ModelError::Damaged(format!("the tensor {} {what}", self.name))
    }
}

/// Refuses tensors of one file that share bytes: no format allows it.
pub(crate) fn check_overlaps<'t>(
    tensors: impl Iterator<Item = &'t TensorInfo>,
) -> Result<(), ModelError> {
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
