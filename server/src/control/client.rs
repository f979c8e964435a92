//! The operator's end of the socket.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Answer, Command, Knows, LONGEST_WAIT, MAX_ANSWER, Question, Reply, SOCKET, VERSION};

/// How long an answer may take beside what the command waits for resource servers.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// No server runs on this data directory.
    NoServer(PathBuf),
    /// The socket is another user's.
    NotAllowed(PathBuf),
    /// The connection failed. Whether the command was carried out is not known.
    Lost(PathBuf, io::Error),
    /// What came is no answer of this version.
    NoAnswer(String),
}

impl fmt::Display for Unanswered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServer(path) => {
                write!(formatter, "no server answers at {}", path.display())
            }
            Self::NotAllowed(path) => {
                write!(formatter, "this user may not use {}", path.display())
            }
            Self::Lost(path, error) => write!(
                formatter,
                "the connection to the server at {} was lost: {error}; whether it did what was asked is not known",
                path.display()
            ),
            Self::NoAnswer(detail) => write!(
                formatter,
                "the server does not answer as expected: {detail}"
            ),
        }
    }
}

impl std::error::Error for Unanswered {}

/// Has the server on `directory` carry out a command; `progress` hears meanwhile which resource servers know. Blocks.
///
/// # Errors
/// There is no answer.
pub fn ask(
    directory: &Path,
    command: Command,
    wait_seconds: u64,
    mut progress: impl FnMut(&[Knows]),
) -> Result<Reply, Unanswered> {
    let path = directory.join(SOCKET);
    let lost = |error| Unanswered::Lost(path.clone(), error);
    let mut stream = UnixStream::connect(&path).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => Unanswered::NotAllowed(path.clone()),
        _ => Unanswered::NoServer(path.clone()),
    })?;
    let wait = Duration::from_secs(wait_seconds).min(LONGEST_WAIT);
    stream
        .set_read_timeout(Some(wait + PATIENCE))
        .map_err(lost)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(lost)?;
    let question = Question {
        version: VERSION,
        command,
        wait_seconds,
    };
    let mut line =
        serde_json::to_vec(&question).map_err(|error| Unanswered::NoAnswer(error.to_string()))?;
    line.push(b'\n');
    // A server that turns somebody away does not read.
    let written = stream.write_all(&line);
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let limit = u64::try_from(MAX_ANSWER).unwrap_or(u64::MAX);
        let length = (&mut reader)
            .take(limit)
            .read_until(b'\n', &mut line)
            .map_err(lost)?;
        if length == 0 {
            let end = io::ErrorKind::UnexpectedEof.into();
            return Err(lost(written.err().unwrap_or(end)));
        }
        match read(&line)? {
            Reply::Progress(known) => progress(&known),
            reply => return Ok(reply),
        }
    }
}

fn read(line: &[u8]) -> Result<Reply, Unanswered> {
    let answer: Answer =
        serde_json::from_slice(line).map_err(|error| Unanswered::NoAnswer(error.to_string()))?;
    if answer.version != VERSION {
        return Err(Unanswered::NoAnswer(format!(
            "it speaks version {} of the control channel, this program {VERSION}",
            answer.version
        )));
    }
    Ok(answer.reply)
}
