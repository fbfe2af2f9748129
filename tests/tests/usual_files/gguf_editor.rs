//! Takes a GGUF file apart, and writes it again with other keys and tensors.

/// A GGUF file in parts.
#[derive(Clone)]
pub struct GgufParts {
    /// Keys with the number of their type and their bytes.
    pub keys: Vec<(String, u32, Vec<u8>)>,
    /// Names of tensors with their dimensions, types and bytes.
    pub tensors: Vec<(String, Vec<u64>, u32, Vec<u8>)>,
}

pub const U32: u32 = 4;
pub const F32: u32 = 6;
pub const STRING: u32 = 8;
pub const ARRAY: u32 = 9;

/// Bytes of a string value.
pub fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

/// Bytes of a list of integers.
pub fn integers(values: &[u32]) -> Vec<u8> {
    let mut bytes = U32.to_le_bytes().to_vec();
    bytes.extend((values.len() as u64).to_le_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

struct Reader<'a>(&'a [u8], usize);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        self.1 += count;
        &self.0[self.1 - count..self.1]
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().unwrap())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().unwrap())
    }

    fn string(&mut self) -> String {
        let length = self.u64() as usize;
        String::from_utf8_lossy(self.take(length)).into_owned()
    }

    fn skip(&mut self, kind: u32) {
        match kind {
            0 | 1 | 7 => _ = self.take(1),
            2 | 3 => _ = self.take(2),
            4..=6 => _ = self.take(4),
            10..=12 => _ = self.take(8),
            STRING => {
                let length = self.u64() as usize;
                self.take(length);
            }
            _ => {
                let kind = self.u32();
                for _ in 0..self.u64() {
                    self.skip(kind);
                }
            }
        }
    }
}

impl GgufParts {
    /// Takes a file apart.
    pub fn read(file: &[u8]) -> Self {
        let mut reader = Reader(file, 8);
        let (n_tensors, n_keys) = (reader.u64(), reader.u64());
        let mut keys = Vec::new();
        for _ in 0..n_keys {
            let (name, kind) = (reader.string(), reader.u32());
            let start = reader.1;
            reader.skip(kind);
            keys.push((name, kind, file[start..reader.1].to_vec()));
        }
        let mut infos = Vec::new();
        for _ in 0..n_tensors {
            let name = reader.string();
            let dims = (0..reader.u32()).map(|_| reader.u64()).collect();
            infos.push((name, dims, reader.u32(), reader.u64() as usize));
        }
        let data = reader.1.next_multiple_of(32);
        let mut offsets: Vec<usize> = infos.iter().map(|info| info.3).collect();
        offsets.push(file.len() - data);
        offsets.sort_unstable();
        let tensors =
            infos
                .into_iter()
                .map(|(name, dims, kind, offset): (_, Vec<u64>, _, usize)| {
                    let end = offsets[offsets.partition_point(|other| *other <= offset)];
                    (name, dims, kind, file[data + offset..data + end].to_vec())
                });
        Self {
            keys,
            tensors: tensors.collect(),
        }
    }

    /// With a key of another value, or a new one.
    pub fn with(mut self, name: &str, kind: u32, value: Vec<u8>) -> Self {
        self.keys.retain(|key| key.0 != name);
        self.keys.push((name.to_owned(), kind, value));
        self
    }

    /// Without a key.
    pub fn without(mut self, name: &str) -> Self {
        let before = self.keys.len();
        self.keys.retain(|key| key.0 != name);
        assert_eq!(self.keys.len() + 1, before, "{name}");
        self
    }

    /// The file.
    pub fn write(&self) -> Vec<u8> {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend((self.tensors.len() as u64).to_le_bytes());
        file.extend((self.keys.len() as u64).to_le_bytes());
        for (name, kind, value) in &self.keys {
            file.extend(string(name));
            file.extend(kind.to_le_bytes());
            file.extend(value);
        }
        let mut data = Vec::new();
        for (name, dims, kind, bytes) in &self.tensors {
            file.extend(string(name));
            file.extend((dims.len() as u32).to_le_bytes());
            file.extend(dims.iter().flat_map(|n| n.to_le_bytes()));
            file.extend(kind.to_le_bytes());
            file.extend((data.len() as u64).to_le_bytes());
            data.extend(bytes);
            data.resize(data.len().next_multiple_of(32), 0);
        }
        file.resize(file.len().next_multiple_of(32), 0);
        file.extend(data);
        file
    }
}
