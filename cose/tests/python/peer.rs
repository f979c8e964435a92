//! The program that calls the libraries.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use motekey_cose::key::CoseKey;
use motekey_cose::token::TokenTags;
use serde_json::{Value, json};

use crate::cases::{Case, NONCE};

/// An implementation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Library {
    Cwt,
    Pycose,
}

pub(crate) const LIBRARIES: [Library; 2] = [Library::Cwt, Library::Pycose];

/// What a library is to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Action {
    /// Open our token.
    Open,
    /// Make a token for us.
    Make,
}

/// Something to do for a library.
pub(crate) struct Task(Value);

/// What came of it.
#[derive(Debug)]
pub(crate) enum Answer {
    Opened {
        claims: Vec<u8>,
        key: Option<Vec<u8>>,
    },
    Made(Vec<u8>),
    Refused(#[expect(dead_code, reason = "printed")] String),
}

/// A Python with the libraries.
pub(crate) struct Peer(PathBuf);

impl Library {
    fn name(self) -> &'static str {
        match self {
            Self::Cwt => "cwt",
            Self::Pycose => "pycose",
        }
    }
}

impl Task {
    pub(crate) fn open(library: Library, keys: &[CoseKey], token: &[u8]) -> Self {
        Self(json!({
            "library": library.name(),
            "action": "open",
            "keys": keys.iter().map(|key| hex(&key.to_cbor())).collect::<Vec<_>>(),
            "token": hex(token),
        }))
    }

    pub(crate) fn make(library: Library, case: &Case) -> Self {
        Self(json!({
            "library": library.name(),
            "action": "make",
            "keys": case.keys.iter().map(|key| hex(&key.to_cbor())).collect::<Vec<_>>(),
            "claims": hex(&case.claims.encode()),
            "nonce": hex(&NONCE[..case.nonce_length()]),
            "tags": match case.tags {
                TokenTags::None => 0,
                TokenTags::Cose => 1,
                TokenTags::CwtAndCose => 2,
            },
        }))
    }
}

impl Peer {
    /// The Python of `MOTEKEY_PYTHON`, else that of the environment below the target folder. `None`, and the tests show
    /// nothing, only where `MOTEKEY_PYTHON` is `none`: `scripts/test` says so when the packages cannot be had.
    pub(crate) fn find() -> Option<Self> {
        let python = env::var_os("MOTEKEY_PYTHON").map(PathBuf::from);
        if python.as_deref() == Some(Path::new("none")) {
            println!("skipped: MOTEKEY_PYTHON is none");
            return None;
        }
        let python = python.unwrap_or_else(|| {
            let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
            target.join("python/bin/python3")
        });
        assert!(
            python.exists(),
            "{} is not there: run `scripts/test tools`, or set MOTEKEY_PYTHON=none to go without",
            python.display()
        );
        Some(Self(python))
    }

    /// The answers to all tasks, in their order.
    pub(crate) fn ask(&self, tasks: &[Task]) -> Vec<Answer> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/peer.py");
        let mut child = Command::new(&self.0)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = Value::from_iter(tasks.iter().map(|task| task.0.clone()));
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.to_string().as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "peer.py: {}", output.status);
        let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answers.len(), tasks.len());
        answers.iter().map(Answer::read).collect()
    }
}

impl Answer {
    fn read(answer: &Value) -> Self {
        let bytes = |name: &str| answer[name].as_str().map(unhex);
        match (answer["error"].as_str(), bytes("claims"), bytes("token")) {
            (Some(error), _, _) => Self::Refused(error.to_owned()),
            (None, Some(claims), _) => Self::Opened {
                claims,
                key: bytes("key"),
            },
            (None, None, Some(token)) => Self::Made(token),
            _ => panic!("not an answer: {answer}"),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
