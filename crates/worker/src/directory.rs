//! Locations of the tensors in a file of weights, from its first bytes.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::Range;

use vitrine_checkpoint::source::{ByteSource, SourceError};
use vitrine_checkpoint::{Gguf, safetensors};
use vitrine_protocol::TensorPlace;

use crate::meter::Meter;
use crate::remote::is_weights;

/// The first bytes of a file that is being downloaded.
pub struct Beginning<'s, S> {
    /// What is there.
    pub there: &'s S,
    /// The length of the whole file.
    pub len: u64,
}

impl<S: ByteSource> ByteSource for Beginning<'_, S> {
    fn len(&self) -> u64 {
        self.len
    }

    async fn read(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>, SourceError> {
        self.there.read(range).await
    }
}

/// The tensors of file number `file` of the weights; `None` while too few bytes have arrived. Errors are reported
/// when the model is loaded.
pub async fn tensors<S: ByteSource>(name: &str, file: u32, source: &S) -> Option<Vec<TensorPlace>> {
    let place = |name: &str, offset, bytes| TensorPlace {
        name: name.to_owned(),
        file,
        offset,
        bytes,
    };
    if name.ends_with(".gguf") {
        let gguf = Gguf::read(source).await.ok()?;
        let all = gguf.tensors();
        Some(all.map(|it| place(&it.name, it.offset, it.bytes)).collect())
    } else {
        let all = safetensors::read(source, file as usize, name).await.ok()?;
        let all = all.iter();
        Some(all.map(|it| place(&it.name, it.offset, it.bytes)).collect())
    }
}

/// Sends the page the tensors of files of weights that it does not know yet.
pub async fn tell<'f, S: ByteSource + 'f>(
    files: impl Iterator<Item = (&'f str, &'f S)>,
    meter: &RefCell<Meter>,
) {
    let weights = files.filter(|(name, _)| is_weights(name));
    for (number, (name, file)) in (0..).zip(weights) {
        if !meter.borrow().knows(number)
            && let Some(found) = tensors(name, number, file).await
        {
            meter.borrow_mut().tensors(number, found);
        }
    }
}
