//! Where outputs and rows are written: many into one piece of memory, for a unit of work has thousands, and to make each of its
//! own costs as much as to decide a bid.

use bytes::{BufMut, Bytes, BytesMut};

/// How much memory is taken at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Pieces of memory that are being filled. What lives until the commit, and what lives longer, does not share one.
#[derive(Debug)]
pub(super) struct Press {
    text: Vec<u8>,
    outputs: BytesMut,
    rows: BytesMut,
}

impl Default for Press {
    fn default() -> Self {
        let piece = || BytesMut::with_capacity(PIECE_BYTES);
        Self { text: Vec::new(), outputs: piece(), rows: piece() }
    }
}

impl Press {
    /// The value of an output, as `write` writes it.
    pub(super) fn output(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        self.text.clear();
        write(&mut self.text);
        cut(&mut self.outputs, &self.text)
    }

    /// A key or a value of a row.
    pub(super) fn row(&mut self, bytes: &[u8]) -> Bytes {
        cut(&mut self.rows, bytes)
    }
}

fn cut(piece: &mut BytesMut, bytes: &[u8]) -> Bytes {
    piece.put_slice(bytes);
    piece.split().freeze()
}
