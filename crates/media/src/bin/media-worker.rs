//! The media worker on its own, which the tests start.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    if madang_media::worker::requested() {
        return madang_media::worker::main();
    }
    ExitCode::from(2)
}
