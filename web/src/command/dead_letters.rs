//! `gavel dead-letters`: the words of the command line, and the editor, which runs on this side of the door.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::CommandError;
use crate::config::Config;
use crate::operator::dead_letters::{DeadLetters, List, Resolve, Selection};
use crate::operator::{Command, perform};

/// What can be asked of dead letters.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Words {
    /// Which there are, and why; no values
    List(List),
    /// All of one, its value too, which may hold a secret
    Show {
        /// Where it is, as list shows it
        place: String,
    },
    /// Corrects the value that replay sends back, in $VISUAL or $EDITOR
    Edit {
        /// Where it is, as list shows it
        place: String,
        /// The value, from a file or (-) from standard input, instead of an editor
        #[arg(long, value_name = "FILE")]
        value: Option<PathBuf>,
    },
    /// Sends them back, each once, to the topology that put them aside
    Replay(Selection),
    /// Has them wait no more
    Discard(Selection),
}

/// Does what is asked.
pub(crate) async fn run(config: &Config, words: Words) -> Result<(), CommandError> {
    let asked = match words {
        Words::List(list) => DeadLetters::List(list),
        Words::Show { place } => DeadLetters::Show { place },
        Words::Replay(selection) => DeadLetters::Resolve(Resolve { is_replay: true, selection, by: operator() }),
        Words::Discard(selection) => DeadLetters::Resolve(Resolve { is_replay: false, selection, by: operator() }),
        Words::Edit { place, value } => {
            let edited = match value {
                Some(file) => Some(read(&file)?),
                None => edit(config, &place).await?,
            };
            let Some(value) = edited else { return Ok(writeln!(std::io::stdout(), "nothing was changed")?) };
            DeadLetters::Correct { place, value, by: operator() }
        }
    };
    perform(config, Command::DeadLetters(asked), std::io::stdout()).await?;
    Ok(())
}

/// Who asks, as far as the system says.
fn operator() -> String {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()));
    named.unwrap_or_else(|| "an operator".into())
}

fn read(file: &Path) -> Result<String, CommandError> {
    let mut text = String::new();
    let read = match file.to_str() {
        Some("-") => std::io::stdin().read_to_string(&mut text),
        _ => File::open(file).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.map_err(|reason| CommandError::File { path: file.into(), reason })?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// The value as the operator's editor leaves it; `None` if that changed nothing.
async fn edit(config: &Config, place: &str) -> Result<Option<String>, CommandError> {
    let editor =
        ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok().filter(|words| !words.is_empty()));
    let editor = editor.ok_or(CommandError::NoEditor)?;
    let value = DeadLetters::Value { place: place.into() };
    let before = perform(config, Command::DeadLetters(value), Vec::new()).await?;
    let draft = Draft::write(place, &before)?;
    let words = format!("{editor} \"$1\"");
    let status = std::process::Command::new("sh").args(["-c", &words, "sh"]).arg(&draft.0).status();
    match status {
        Ok(status) if status.success() => {}
        _ => return Err(CommandError::Editor(editor)),
    }
    let after = read(&draft.0)?;
    Ok((after.as_bytes() != before.trim_ascii_end()).then_some(after))
}

/// A file with a value that may hold a secret: its owner's alone, and gone when done with.
struct Draft(PathBuf);

impl Draft {
    fn write(place: &str, value: &[u8]) -> Result<Self, CommandError> {
        let name = format!("gavel-{}-{}.json", std::process::id(), place.replace('/', "-"));
        let path = std::env::temp_dir().join(name);
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let draft = opened.and_then(|mut file| {
            let draft = Self(path.clone());
            file.write_all(value).map(|()| draft)
        });
        draft.map_err(|reason| CommandError::File { path, reason })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Whatever keeps it from being removed, it is the owner's alone.
        let _ = std::fs::remove_file(&self.0);
    }
}
