//! OpenSSL, as a program.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::subject::{Figures, Kind};

/// The program, and where it finds certificates.
#[derive(Debug, Clone)]
pub(crate) struct OpenSsl {
    program: PathBuf,
    certificates: PathBuf,
}

impl OpenSsl {
    /// Builds the program; why not, if it cannot be built.
    pub(crate) fn build(certificates: PathBuf) -> Result<Self, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/dtls/openssl.c");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dtls-openssl");
        let compiler = Command::new("cc")
            .arg("-O2")
            .arg("-o")
            .args([&program, &source])
            .args(["-lssl", "-lcrypto"])
            .output();
        match compiler {
            Ok(output) if output.status.success() => Ok(Self {
                program,
                certificates,
            }),
            Ok(output) => {
                let message = String::from_utf8_lossy(&output.stderr);
                let first = message.lines().find(|line| line.contains("error"));
                let first = first.unwrap_or_default();
                Err(format!("cc fails, install libssl-dev: {first}"))
            }
            Err(error) => Err(format!("no cc ({error}), install gcc")),
        }
    }

    /// One round.
    pub(crate) fn round(&self, kind: Kind) -> Figures {
        self.run(kind, "round")
    }

    /// Resident bytes of an idle session.
    pub(crate) fn idle(&self, kind: Kind) -> f64 {
        self.run(kind, "idle").idle
    }

    fn run(&self, kind: Kind, what: &str) -> Figures {
        let mut command = Command::new(&self.program);
        command.arg(kind.name()).arg(&self.certificates).arg(what);
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "OpenSSL, {kind:?}: {errors}");
        let line = String::from_utf8(output.stdout).unwrap();
        let numbers: Vec<f64> = line
            .split_whitespace()
            .map(|number| number.parse().unwrap())
            .collect();
        let &[handshakes, echoes, hello, idle, bytes] = &numbers[..] else {
            unreachable!("five figures, not {line}");
        };
        Figures {
            handshakes,
            echoes,
            hello,
            idle,
            bytes,
        }
    }
}
