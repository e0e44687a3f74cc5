//! All that happened in one simulation, as one number; and the last of it in words, for who looks for a bug.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

/// How much is kept in words.
const LINES: usize = 2000;

/// What happened so far.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: Fnv,
    lines: Option<VecDeque<String>>,
}

impl Trace {
    /// `in_words` keeps the last of it to be read.
    pub(crate) fn new(in_words: bool) -> Self {
        Self { hash: Fnv(0xcbf2_9ce4_8422_2325), lines: in_words.then(VecDeque::new) }
    }

    /// Takes note of something that happened.
    pub(crate) fn note(&mut self, what: &impl Hash, words: impl FnOnce() -> String) {
        what.hash(&mut self.hash);
        if let Some(lines) = &mut self.lines {
            if lines.len() == LINES {
                lines.pop_front();
            }
            lines.push_back(words());
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.finish()
    }

    pub(crate) fn words(&self) -> String {
        self.lines.iter().flatten().map(|line| format!("{line}\n")).collect()
    }
}

/// FNV-1a: the same in every process, as the hasher of the standard library need not be.
#[derive(Debug)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
