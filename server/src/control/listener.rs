//! The server's end of the socket.

use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::execute::{execute, known_by};
use super::{
    Answer, LONGEST_WAIT, MAX_CONNECTIONS, MAX_QUESTION, Question, Reply, SOCKET, VERSION,
};
use crate::authorization_server::AuthorizationServer;
use crate::clock::runtime_now;

/// How long a client may take to send its question, or to take an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long is waited before connections are taken again that could not be.
const PAUSE: Duration = Duration::from_millis(100);

/// The superuser.
const ROOT: u32 = 0;

/// An open control channel; closed, and its socket removed, when this is dropped.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    task: JoinHandle<()>,
}

/// Why the channel cannot be opened.
#[derive(Debug)]
pub enum ControlError {
    /// Another server answers there.
    InUse(PathBuf),
    /// Something else is in the place of the socket.
    NoSocket(PathBuf),
    /// The socket cannot be made.
    Unusable(PathBuf, io::Error),
}

impl fmt::Display for ControlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => {
                write!(formatter, "another server answers at {}", path.display())
            }
            Self::NoSocket(path) => write!(formatter, "{} is not a socket", path.display()),
            Self::Unusable(path, error) => write!(formatter, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for ControlError {}

impl Control {
    /// Opens the channel of a server in `directory`, for its user alone. What a server that was killed left there is
    /// replaced.
    ///
    /// # Errors
    /// Another server answers there, or the socket cannot be made. Its whole path may have some 100 bytes.
    pub fn open(directory: &Path, server: Arc<AuthorizationServer>) -> Result<Self, ControlError> {
        let path = directory.join(SOCKET);
        clear(&path)?;
        let unusable = |error| ControlError::Unusable(path.clone(), error);
        let listener = UnixListener::bind(&path).map_err(unusable)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(unusable)?;
        // The socket is ours, so its owner is whom this process runs as.
        let owner = fs::metadata(&path).map_err(unusable)?.uid();
        let task = tokio::spawn(accept(listener, owner, server));
        Ok(Self { path, task })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes a socket that nobody answers at.
fn clear(path: &Path) -> Result<(), ControlError> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(ControlError::Unusable(path.to_owned(), error)),
    };
    if !kind.is_socket() {
        return Err(ControlError::NoSocket(path.to_owned()));
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(ControlError::InUse(path.to_owned()));
    }
    fs::remove_file(path).map_err(|error| ControlError::Unusable(path.to_owned(), error))
}

async fn accept(listener: UnixListener, owner: u32, server: Arc<AuthorizationServer>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        if !is_allowed(&stream, owner) {
            tracing::warn!("the control channel turned away another user");
            continue;
        }
        let Ok(place) = room.clone().try_acquire_owned() else {
            let problem = format!("the server works on {MAX_CONNECTIONS} commands already");
            let next = "do it again when one of them is done".to_owned();
            let _ = send(&stream, Reply::Failed { problem, next }).await;
            continue;
        };
        let server = server.clone();
        tokio::spawn(async move {
            let _place = place;
            // A client that is gone needs no answer.
            let _ = serve(&stream, &server).await;
        });
    }
}

fn is_allowed(stream: &UnixStream, owner: u32) -> bool {
    let peer = stream.peer_cred().map(|peer| peer.uid());
    peer.is_ok_and(|user| user == owner || user == ROOT)
}

async fn serve(stream: &UnixStream, server: &AuthorizationServer) -> io::Result<()> {
    let line = timeout(PATIENCE, receive(stream)).await??;
    let question = match read(&line) {
        Ok(question) => question,
        Err(problem) => {
            let next = "use the program of the same version as the server".to_owned();
            return send(stream, Reply::Refused { problem, next }).await;
        }
    };
    let limit = Duration::from_secs(question.wait_seconds).min(LONGEST_WAIT);
    let mut changes = server.watch_acknowledgements();
    let outcome = execute(server, question.command).await;
    let end = runtime_now() + limit;
    let mut known = known_by(server, outcome.spread());
    while known.iter().any(|knows| knows.acknowledged_at.is_none()) {
        send(stream, Reply::Progress(known.clone())).await?;
        // Until something changed or the time is over.
        if !matches!(
            tokio::time::timeout_at(end, changes.changed()).await,
            Ok(Ok(()))
        ) {
            break;
        }
        known = known_by(server, outcome.spread());
    }
    send(stream, outcome.finish(known)).await
}

/// Reads a question. The version is looked at first, as everything else may differ in another one.
fn read(line: &[u8]) -> Result<Question, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        version: u32,
    }
    let unreadable = |error: serde_json::Error| format!("the question cannot be read: {error}");
    let Version { version } = serde_json::from_slice(line).map_err(unreadable)?;
    if version != VERSION {
        return Err(format!(
            "the server speaks version {VERSION} of the control channel, not {version}"
        ));
    }
    serde_json::from_slice(line).map_err(unreadable)
}

/// A line, without its end.
async fn receive(stream: &UnixStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut buffer = [0; 512];
    loop {
        stream.readable().await?;
        let length = match stream.try_read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let part = buffer.get(..length).unwrap_or_default();
        match part.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                line.extend_from_slice(part.get(..end).unwrap_or_default());
                return Ok(line);
            }
            None => line.extend_from_slice(part),
        }
        if line.len() > MAX_QUESTION {
            let problem = format!("the question is longer than {MAX_QUESTION} bytes");
            let next = "give shorter names".to_owned();
            send(stream, Reply::Refused { problem, next }).await?;
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

async fn send(stream: &UnixStream, reply: Reply) -> io::Result<()> {
    let answer = Answer {
        version: VERSION,
        reply,
    };
    let mut line = serde_json::to_vec(&answer).map_err(io::Error::other)?;
    line.push(b'\n');
    timeout(PATIENCE, write(stream, &line)).await?
}

async fn write(stream: &UnixStream, mut rest: &[u8]) -> io::Result<()> {
    while !rest.is_empty() {
        stream.writable().await?;
        match stream.try_write(rest) {
            Ok(length) => rest = rest.get(length..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
