use crate::CheckpointError;

/// Why parsing stopped.
pub enum Stop {
    /// The prefix ends here; a longer one may parse.
    NeedMore,
    /// The file is invalid.
    Wrong(CheckpointError),
}

impl From<CheckpointError> for Stop {
    fn from(error: CheckpointError) -> Self {
        Self::Wrong(error)
    }
}

/// Reads little-endian values from a prefix of the file.
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn position(&self) -> usize {
        self.at
    }

    /// Fails unless the prefix has room for `count` items of at least `size` bytes each, so that a
    /// malicious count cannot allocate memory.
    pub fn expect(&self, count: u64, size: u64) -> Result<(), Stop> {
        let left = (self.bytes.len() - self.at) as u64;
        if count.checked_mul(size).is_some_and(|bytes| bytes <= left) {
            Ok(())
        } else {
            Err(Stop::NeedMore)
        }
    }

    pub fn bytes(&mut self, count: u64) -> Result<&'a [u8], Stop> {
        self.expect(count, 1)?;
        let start = self.at;
        self.at += count as usize;
        Ok(&self.bytes[start..self.at])
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let bytes = self.bytes(N as u64)?;
        bytes.try_into().map_err(|_| Stop::NeedMore)
    }

    pub fn u32(&mut self) -> Result<u32, Stop> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, Stop> {
        self.array().map(u64::from_le_bytes)
    }

    /// A string, with U+FFFD in place of bytes that are no characters.
    pub fn text(&mut self) -> Result<String, Stop> {
        Ok(String::from_utf8_lossy(self.string()?).into_owned())
    }

    /// The bytes of a string. Tokens of a vocabulary may be parts of UTF-8 characters.
    pub fn string(&mut self) -> Result<&'a [u8], Stop> {
        let len = self.u64()?;
        self.bytes(len)
    }
}
