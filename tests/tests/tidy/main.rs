//! Taste and promises that a compiler does not see: dependencies point one way, files hold one thought, every invariant
//! names a test that exists, and what the documents link is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// What each room may depend on of the others: the one way in which dependencies point.
const MAY_DEPEND_ON: [(&str, &[&str]); 5] = [
    ("backend/domain", &[]),
    ("backend/log", &[]),
    ("backend/streams", &["gavel-log"]),
    ("backend/auctions", &["gavel-domain", "gavel-log", "gavel-streams"]),
    ("backend/readmodel", &["gavel-domain", "gavel-log", "gavel-streams", "gavel-auctions"]),
];
const LINES_MAX: usize = 400;
const COLUMNS_MAX: usize = 140;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace").to_owned()
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// Every file below a folder with one of these endings, built and fetched ones aside.
fn files(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && !name.starts_with('.') && !["target", "node_modules", "data", "vendor"].contains(&name)
            {
                folders.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[test]
fn dependencies_point_one_way() -> Result<()> {
    for (room, allowed) in MAY_DEPEND_ON {
        let manifest = read(&root().join(room).join("Cargo.toml"))?;
        let normal = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        let own = normal.lines().filter_map(|line| line.strip_suffix(".workspace = true"));
        let strangers: Vec<&str> = own.filter(|name| name.starts_with("gavel-") && !allowed.contains(name)).collect();
        assert!(strangers.is_empty(), "{room} must not depend on {strangers:?}");
    }
    Ok(())
}

#[test]
fn only_its_adapter_knows_a_library() -> Result<()> {
    for (library, home) in [("rdkafka", "backend/log"), ("sqlx", "backend/readmodel"), ("fjall", "backend")] {
        for path in files(&root(), &[".rs"])? {
            let relative = path.strip_prefix(root())?.to_string_lossy().into_owned();
            let is_allowed =
                relative.starts_with(home) || relative.starts_with("tests/") || relative.contains("/benches/");
            let uses = format!("use {library}::");
            assert!(is_allowed || !read(&path)?.contains(&uses), "{relative} uses {library}, which is {home}'s alone");
        }
    }
    Ok(())
}

#[test]
fn files_hold_one_thought_and_lines_fit() -> Result<()> {
    for path in files(&root(), &[".rs", ".mjs", ".js", ".css", ".html", ".sql"])? {
        let text = read(&path)?;
        let is_long = !path.ends_with("log/src/port.rs") && text.lines().count() > LINES_MAX;
        assert!(!is_long, "{} is longer than {LINES_MAX} lines", path.display());
        if path.extension().is_some_and(|ending| ending == "rs") {
            // A literal cannot be broken.
            let is_wide = |line: &str| line.chars().count() > COLUMNS_MAX && !line.contains('"');
            let wide = text.lines().position(is_wide);
            assert!(wide.is_none(), "{}:{} is wider than {COLUMNS_MAX}", path.display(), wide.unwrap_or_default() + 1);
            assert_ne!(path.file_name().and_then(|name| name.to_str()), Some("mod.rs"), "{}", path.display());
        }
    }
    Ok(())
}

#[test]
fn every_invariant_names_a_test_that_exists() -> Result<()> {
    let architecture = read(&root().join("docs/ARCHITECTURE.md"))?;
    let (_, section) = architecture.split_once("## Invariants").context("a section of invariants")?;
    every_row_names_tests(section)
}

#[test]
fn every_guarantee_names_a_test_that_exists() -> Result<()> {
    every_row_names_tests(&read(&root().join("docs/guarantees.md"))?)
}

/// The last cell of each row holds guards, as `file test`.
fn every_row_names_tests(table: &str) -> Result<()> {
    let mut sources = BTreeMap::new();
    for path in files(&root(), &[".rs", ".mjs"])? {
        sources.insert(path.strip_prefix(root())?.to_string_lossy().into_owned(), read(&path)?);
    }
    let is_head = |row: &&str| row.starts_with("| Invariant") || row.starts_with("| Guarantee");
    let mut guards = 0;
    for row in table.lines().filter(|line| line.starts_with("| ") && !is_head(line)) {
        let cell = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let named: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no guard: {row}");
        for guard in named {
            let (file, test) = guard.split_once(" ").with_context(|| format!("`file test`: {guard}"))?;
            let source = sources.get(file).with_context(|| format!("there is no {file}"))?;
            let is_there = source.contains(&format!("fn {test}")) || source.contains(&format!("\"{test}\""));
            ensure!(is_there, "{file} has no test {test}");
            guards += 1;
        }
    }
    ensure!(guards > 20, "only {guards} guards were found");
    Ok(())
}

#[test]
fn every_measure_is_in_the_operators_table() -> Result<()> {
    let page = read(&root().join("docs/operations.md"))?;
    let told: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `gavel_")?.split('`').next()).collect();
    let mut made = BTreeSet::new();
    for room in ["backend", "web"] {
        for path in files(&root().join(room), &[".rs"])? {
            let source = read(&path)?;
            for kind in ["counter", "gauge", "histogram"] {
                let opening = format!("{kind}!(\"gavel_");
                let named = source.split(&opening).skip(1);
                made.extend(named.filter_map(|after| after.split('"').next()).map(ToOwned::to_owned));
            }
        }
    }
    assert_eq!(told, made.iter().map(String::as_str).collect());
    Ok(())
}

#[test]
fn what_the_documents_link_is_there() -> Result<()> {
    let mut missing = BTreeSet::new();
    for path in files(&root(), &[".md"])? {
        let text = read(&path)?;
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            let is_local = !target.is_empty() && !target.contains("://");
            if is_local && !path.parent().is_some_and(|folder| folder.join(target).exists()) {
                missing.insert(format!("{} links {target}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    Ok(())
}
