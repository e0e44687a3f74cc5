//! The `gavel` binary; all it does is in the library.

use std::process::ExitCode;

/// Records are many small allocations: with it a backtest decides a quarter more bids than with the C library's. Without
/// huge pages: they hold half as much memory again, and win nothing.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gavel::cli::main()
}
