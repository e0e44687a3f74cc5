//! What the embedded log could be stored on: fjall, one shared journal file with an index in memory, or a segment file
//! per partition. Measures a durable group commit of chunks over twelve partitions, and a scan of one partition. The
//! figures behind docs/decisions/0001-embedded-log-storage.md. The two file prototypes have no recovery, no checksums,
//! no retention and no compaction: they show what speed there is to win, no more.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and fails by panicking")]

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use hdrhistogram::Histogram;

const PARTITIONS: usize = 12;
const RECORD_BYTES: usize = 200;

/// A place for chunks.
trait Storage {
    /// Writes chunks of several partitions together, and makes them durable.
    fn append(&mut self, chunks: &[(usize, Vec<u8>)]);
    /// Brings what is still in memory to where it will be read.
    fn settle(&self) {}
    /// Reads all of a partition; the count of bytes keeps the work from being left out.
    fn scan(&self, partition: usize) -> usize;
}

struct Fjall {
    database: Database,
    rows: Keyspace,
    next: [u64; PARTITIONS],
}

impl Fjall {
    fn open(folder: &Path) -> Self {
        let database = Database::builder(folder.join("fjall")).worker_threads(1).open().unwrap();
        let rows = database.keyspace("log", KeyspaceCreateOptions::default).unwrap();
        Self { database, rows, next: [0; PARTITIONS] }
    }

    fn key(partition: usize, offset: u64) -> Vec<u8> {
        [&[u8::try_from(partition).unwrap()][..], &offset.to_be_bytes()].concat()
    }
}

impl Storage for Fjall {
    fn append(&mut self, chunks: &[(usize, Vec<u8>)]) {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for (partition, chunk) in chunks {
            batch.insert(&self.rows, Self::key(*partition, self.next[*partition]), chunk.as_slice());
            self.next[*partition] += (chunk.len() / RECORD_BYTES) as u64;
        }
        batch.commit().unwrap();
    }

    fn settle(&self) {
        self.rows.rotate_memtable_and_wait().unwrap();
    }

    fn scan(&self, partition: usize) -> usize {
        let rows = self.rows.range(Self::key(partition, 0)..=Self::key(partition, u64::MAX));
        rows.map(|row| black_box(row.value().unwrap()).len()).sum()
    }
}

/// One file for all partitions.
struct Journal {
    file: File,
    end: u64,
    index: [Vec<(u64, usize)>; PARTITIONS],
}

impl Journal {
    fn open(folder: &Path) -> Self {
        let file = OpenOptions::new().create_new(true).read(true).write(true).open(folder.join("journal")).unwrap();
        Self { file, end: 0, index: Default::default() }
    }
}

impl Storage for Journal {
    fn append(&mut self, chunks: &[(usize, Vec<u8>)]) {
        let mut buffer = Vec::new();
        for (partition, chunk) in chunks {
            self.index[*partition].push((self.end + buffer.len() as u64, chunk.len()));
            buffer.extend_from_slice(chunk);
        }
        self.file.write_all_at(&buffer, self.end).unwrap();
        self.end += buffer.len() as u64;
        self.file.sync_data().unwrap();
    }

    fn scan(&self, partition: usize) -> usize {
        let read = |(at, length): &(u64, usize)| {
            let mut chunk = vec![0; *length];
            self.file.read_exact_at(&mut chunk, *at).unwrap();
            black_box(chunk).len()
        };
        self.index[partition].iter().map(read).sum()
    }
}

/// A file per partition.
struct Segments {
    files: Vec<File>,
    names: Vec<std::path::PathBuf>,
}

impl Segments {
    fn open(folder: &Path) -> Self {
        let names: Vec<_> = (0..PARTITIONS).map(|partition| folder.join(format!("{partition}.segment"))).collect();
        Self { files: names.iter().map(|name| File::create_new(name).unwrap()).collect(), names }
    }
}

impl Storage for Segments {
    fn append(&mut self, chunks: &[(usize, Vec<u8>)]) {
        let mut touched = [false; PARTITIONS];
        for (partition, chunk) in chunks {
            self.files[*partition].write_all(chunk).unwrap();
            touched[*partition] = true;
        }
        for (file, _) in self.files.iter().zip(touched).filter(|(_, touched)| *touched) {
            file.sync_data().unwrap();
        }
    }

    fn scan(&self, partition: usize) -> usize {
        black_box(std::fs::read(&self.names[partition]).unwrap()).len()
    }
}

/// Bytes that do not compress.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let words = (1..).map(|n: u64| ((seed << 32) + n).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
    words.flat_map(|word| word.wrapping_mul(word | 1).to_le_bytes()).take(bytes).collect()
}

/// A group commit of `records` over the partitions, and how often it is made.
fn measure(name: &str, storage: &mut dyn Storage, records: usize, commits: usize) {
    let per_partition = records.div_ceil(PARTITIONS);
    let touched = records.min(PARTITIONS);
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    let start = Instant::now();
    for round in 0..commits {
        let chunk = noise(round as u64, per_partition * RECORD_BYTES);
        let chunks: Vec<_> = (0..touched).map(|partition| (partition, chunk.clone())).collect();
        let begin = Instant::now();
        storage.append(&chunks);
        histogram.record(u64::try_from(begin.elapsed().as_micros()).unwrap()).unwrap();
    }
    let rate = (commits * touched * per_partition) as f64 / start.elapsed().as_secs_f64();
    println!(
        "{name:9} commits of {records:5} records: p50 {:6} us, p99 {:6} us, {rate:9.0} records/s",
        histogram.value_at_quantile(0.5),
        histogram.value_at_quantile(0.99),
    );
}

fn scan(name: &str, storage: &dyn Storage) {
    storage.settle();
    let mut best = Duration::MAX;
    let mut bytes = 0;
    for _ in 0..3 {
        let start = Instant::now();
        bytes = storage.scan(0);
        best = best.min(start.elapsed());
    }
    let rate = (bytes / RECORD_BYTES) as f64 / best.as_secs_f64();
    println!("{name:9} scan of one partition, {} MiB: {rate:9.0} records/s", bytes >> 20);
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let mut candidates: [(&str, Box<dyn Storage>); 3] = [
        ("fjall", Box::new(Fjall::open(folder.path()))),
        ("journal", Box::new(Journal::open(folder.path()))),
        ("segments", Box::new(Segments::open(folder.path()))),
    ];
    for (records, commits) in [(1, 500), (12, 500), (120, 500), (12_000, 150)] {
        for (name, storage) in &mut candidates {
            measure(name, &mut **storage, records, commits);
        }
    }
    for (name, storage) in &candidates {
        scan(name, &**storage);
    }
}
