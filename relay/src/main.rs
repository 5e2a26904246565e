//! Entry point of the relay.

use std::process::ExitCode;

fn main() -> ExitCode {
    madang_relay::cli::main()
}
