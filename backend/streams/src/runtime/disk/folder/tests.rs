//! Damage on the disk, in every file of it: noticed, or of no consequence.

use tempfile::TempDir;

use super::*;

fn rows() -> Vec<(Bytes, Bytes)> {
    (0..2_000_u32).map(|number| (number.to_be_bytes().to_vec().into(), format!("value {number}").into())).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// A folder with rows, closed.
fn written() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let disk = FolderDisk::open(&home.path().join("streams")).unwrap();
    assert!(!disk.is_foreign("ours").unwrap());
    let mut rows = rows().into_iter().map(|(key, value)| (key.to_vec(), Some(value)));
    disk.keyspace("t.0").unwrap().write(&mut rows).unwrap();
    home
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(file, target).unwrap();
    }
}

/// What is read: all rows, none because what was there is set aside, or an error that says so.
fn check(home: &Path, what: &str) {
    let disk = FolderDisk::open(&home.join("streams")).unwrap();
    let read = disk.keyspace("t.0").and_then(|keyspace| keyspace.scan_prefix(b""));
    let is_set_aside = home.join("streams.damaged-1").exists();
    match read {
        Ok(found) if is_set_aside => assert_eq!(found, [], "{what}"),
        Ok(found) => assert!(found == rows(), "{what}: other rows"),
        Err(error) => assert!(error.is_damage, "{what}: {error}"),
    }
}

#[test]
fn damage_in_any_file_is_noticed_or_does_no_harm() {
    let home = written();
    let mut set_aside = 0;
    for file in files(home.path()) {
        let name = file.strip_prefix(home.path()).unwrap();
        let length = fs::metadata(&file).unwrap().len() as usize;
        for at in [Some(0), Some(length / 3), Some(length - length.min(9)), None] {
            let hurt = tempfile::tempdir().unwrap();
            copy(home.path(), hurt.path());
            let mut bytes = fs::read(&file).unwrap();
            match at {
                Some(at) if at < length => bytes[at] ^= 0x55,
                _ => bytes.truncate(length / 2),
            }
            fs::write(hurt.path().join(name), bytes).unwrap();
            check(hurt.path(), &format!("{} at {at:?}", name.display()));
            set_aside += usize::from(hurt.path().join("streams.damaged-1").exists());
        }
    }
    assert!(set_aside > 5, "{set_aside} only");
}

#[test]
fn of_another_log_or_version_is_foreign() {
    let home = written();
    let folder = home.path().join("streams");
    let is_foreign = |log_id: &str| FolderDisk::open(&folder).unwrap().is_foreign(log_id).unwrap();
    assert!(!is_foreign("ours") && is_foreign("theirs"));
    fs::write(folder.join(ORIGIN), r#"{"version":2,"log":"ours"}"#).unwrap();
    assert!(is_foreign("ours"), "a later version");
    fs::remove_file(folder.join(ORIGIN)).unwrap();
    assert!(!is_foreign("ours"), "what was kept before there were notes");
    assert!(is_foreign("theirs"), "is noted then");
}

#[test]
fn the_last_few_are_kept() {
    let home = written();
    let disk = FolderDisk::open(&home.path().join("streams")).unwrap();
    for number in 0..5_u32 {
        disk.renew(Some("a test says so")).unwrap();
        let mut keyspace = disk.keyspace("t.0").unwrap();
        assert_eq!(keyspace.first_key().unwrap(), None, "it is empty");
        keyspace.write(&mut std::iter::once((vec![1], Some(number.to_string().into())))).unwrap();
    }
    let mut left: Vec<_> =
        fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["streams", "streams.damaged-3", "streams.damaged-4", "streams.damaged-5"]);
    disk.renew(None).unwrap();
    assert_eq!(disk.keyspace("t.0").unwrap().first_key().unwrap(), Some(Bytes::from_static(&[1])), "only closed");
}
