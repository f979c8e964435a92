//! Foreign programs as peers.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long a foreign program may take for anything.
const PATIENCE: Duration = Duration::from_secs(15);

/// A foreign program with its output read as it comes.
pub(crate) struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    /// All that it has written.
    pub(crate) seen: Vec<u8>,
}

impl Program {
    /// Starts a program, or fails with the package to install.
    pub(crate) fn start(program: &str, package: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{program} cannot be started ({error}): install the package {package}")
            });
        let (sender, output) = channel();
        let stdout = child.stdout.take().unwrap();
        let stderr = child.stderr.take().unwrap();
        let readers: [Box<dyn Read + Send>; 2] = [Box::new(stdout), Box::new(stderr)];
        for reader in readers {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(reader);
                loop {
                    let piece = reader.fill_buf().map(<[u8]>::to_vec).unwrap_or_default();
                    if piece.is_empty() || sender.send(piece.clone()).is_err() {
                        break;
                    }
                    reader.consume(piece.len());
                }
            });
        }
        let stdin = child.stdin.take();
        Self {
            child,
            stdin,
            output,
            seen: Vec::new(),
        }
    }

    /// Waits until the output contains `text`.
    pub(crate) fn wait_for(&mut self, text: &[u8]) {
        let end = Instant::now() + PATIENCE;
        while !self.has_written(text) {
            assert!(
                Instant::now() < end,
                "no {:?} in:\n{}",
                String::from_utf8_lossy(text),
                self.text()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The output so far contains `text`.
    pub(crate) fn has_written(&mut self, text: &[u8]) -> bool {
        self.seen.extend(self.output.try_iter().flatten());
        self.seen.windows(text.len()).any(|part| part == text)
    }

    /// The output so far, for messages.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Writes to its standard input.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
    }

    /// Ends its standard input.
    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
