//! The binary `warden`.

use std::process::ExitCode;

fn main() -> ExitCode {
    koupleless_warden::runtime::install_crypto_provider();
    koupleless_warden::cli::run(std::env::args_os())
}
