//! A model on a server: its files, and the chunks in which they are downloaded.

/// A file on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its name among the model's files.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal, if the server has it.
    pub sha256: Option<String>,
    /// Identifies its version.
    pub tag: String,
    /// Its pieces, in order.
    pub pieces: Vec<Piece>,
}

/// The range of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The address.
    pub url: String,
    /// The first byte and the one after the last within that address; none for all of it.
    pub range: Option<(u64, u64)>,
    /// How many bytes it brings.
    pub bytes: u64,
}

/// Files are fetched in ranges of this length: long enough for a request to be worth it, short
/// enough that little is lost when a connection breaks.
const PIECE: u64 = 4 << 20;

/// A file of `bytes` bytes at `url` in ranges; small files come whole, since servers may compress
/// them.
pub fn ranges(url: &str, bytes: u64) -> Vec<Piece> {
    if bytes <= PIECE {
        return vec![Piece {
            url: url.to_owned(),
            range: None,
            bytes,
        }];
    }
    let starts = (0..bytes.div_ceil(PIECE)).map(|index| index * PIECE);
    starts
        .map(|start| {
            let end = bytes.min(start + PIECE);
            Piece {
                url: url.to_owned(),
                range: Some((start, end)),
                bytes: end - start,
            }
        })
        .collect()
}

/// The end of the last piece that lies within the first `safe` bytes, and how many pieces that is.
pub fn whole_pieces(pieces: &[Piece], safe: u64) -> (u64, usize) {
    let mut end = 0;
    for (index, piece) in pieces.iter().enumerate() {
        if end + piece.bytes > safe {
            return (end, index);
        }
        end += piece.bytes;
    }
    (end, pieces.len())
}

/// How many files hold weights, and not what describes them.
pub fn is_weights(name: &str) -> bool {
    name.ends_with(".safetensors") || name.ends_with(".gguf")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_resumes_after_the_last_whole_chunk() {
        let piece = |bytes| Piece {
            url: String::new(),
            range: None,
            bytes,
        };
        let pieces = [piece(10), piece(10), piece(5)];
        let ends: Vec<(u64, usize)> = [0, 9, 10, 19, 24, 25, 99]
            .map(|safe| whole_pieces(&pieces, safe))
            .into();
        assert_eq!(
            ends,
            [(0, 0), (0, 0), (10, 1), (10, 1), (20, 2), (25, 3), (25, 3)]
        );
    }

    #[test]
    fn ranges_cover_a_file_once() {
        assert_eq!(ranges("a", 5)[0].range, None);
        let pieces = ranges("a", 2 * PIECE + 7);
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces[2].range, Some((2 * PIECE, 2 * PIECE + 7)));
        assert_eq!(
            pieces.iter().map(|piece| piece.bytes).sum::<u64>(),
            2 * PIECE + 7
        );
    }
}
