//! Sets a folder aside that cannot be used.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How many are kept.
const KEPT: usize = 3;
const SUFFIX: &str = ".damaged-";

/// Renames the folder, and makes an empty one in its place.
pub(super) fn set_aside(folder: &Path, reason: &str) -> io::Result<()> {
    let mut numbers = numbers(folder)?;
    let next = numbers.last().map_or(1, |last| last + 1);
    let aside = numbered(folder, next);
    fs::rename(folder, &aside)?;
    tracing::warn!(
        reason,
        "the local state in {} cannot be used: it is set aside as {}, and comes back from the changelogs",
        folder.display(),
        aside.display()
    );
    numbers.push(next);
    for &old in &numbers[..numbers.len().saturating_sub(KEPT)] {
        fs::remove_dir_all(numbered(folder, old))?;
    }
    fs::create_dir_all(folder)
}

fn numbered(folder: &Path, number: u64) -> PathBuf {
    let mut name = OsString::from(folder);
    name.push(format!("{SUFFIX}{number}"));
    name.into()
}

/// Those of earlier ones, rising.
fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned() + SUFFIX;
    let beside = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut numbers = Vec::new();
    for entry in fs::read_dir(beside)? {
        let found = entry?.file_name();
        numbers.extend(found.to_str().and_then(|found| found.strip_prefix(&name)?.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}
