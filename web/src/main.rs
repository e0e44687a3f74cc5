//! The `gavel` binary; all it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    gavel::cli::main()
}
