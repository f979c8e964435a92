//! OpenSSL, as a program.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Figures;

/// Builds the program; why not, if it cannot be built.
pub(crate) fn build() -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/dtls/openssl.c");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dtls-openssl");
    let compiler = Command::new("cc")
        .arg("-O2")
        .arg("-o")
        .args([&program, &source])
        .args(["-lssl", "-lcrypto"])
        .output();
    match compiler {
        Ok(output) if output.status.success() => Ok(program),
        Ok(output) => {
            let message = String::from_utf8_lossy(&output.stderr);
            let first = message.lines().find(|line| line.contains("error"));
            let first = first.unwrap_or_default();
            Err(format!("cc fails, install libssl-dev: {first}"))
        }
        Err(error) => Err(format!("no cc ({error}), install gcc")),
    }
}

/// Runs it once.
pub(crate) fn run(program: &Path) -> Figures {
    let output = Command::new(program).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<f64> = line
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    let number = |index: usize| numbers.get(index).copied().unwrap();
    Figures {
        handshakes: number(0),
        echoes: number(1),
        hello: number(2),
        idle: number(3),
        bytes: number(4),
    }
}
