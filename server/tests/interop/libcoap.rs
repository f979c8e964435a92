//! Debian's libcoap client as a program.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::process::Command;

/// Seconds after which the program gives up by itself.
const GIVE_UP: &str = "10";

/// A way to call the program.
#[derive(Clone)]
pub(crate) struct Client {
    program: &'static str,
    arguments: Vec<OsString>,
}

/// What came of a call.
pub(crate) struct Answer {
    /// The body that was received.
    pub(crate) payload: Vec<u8>,
    log: String,
}

impl Client {
    pub(crate) fn new(program: &'static str) -> Self {
        Self {
            program,
            arguments: Vec::new(),
        }
    }

    /// Uses PSK with this identity and key; neither may hold a zero byte.
    pub(crate) fn with_key(&self, identity: &OsStr, key: &OsStr) -> Self {
        let arguments = [
            "-u".into(),
            identity.to_owned(),
            "-k".into(),
            key.to_owned(),
        ];
        Self {
            program: self.program,
            arguments: arguments.into(),
        }
    }

    /// Uses the key pair of this PEM file as raw public key.
    pub(crate) fn with_key_pair(&self, file: &Path) -> Self {
        Self {
            program: self.program,
            arguments: vec!["-M".into(), file.into()],
        }
    }

    /// Uses the certificate and key of these PEM files, and believes a server of the authority.
    pub(crate) fn with_certificate(
        &self,
        certificate: &Path,
        key: &Path,
        authority: &Path,
    ) -> Self {
        let files = [("-c", certificate), ("-j", key), ("-C", authority)];
        let arguments = files
            .iter()
            .flat_map(|(name, file)| [name.into(), file.into()]);
        Self {
            program: self.program,
            arguments: arguments.collect(),
        }
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.call(&["-m", "get"], uri, None).await
    }

    pub(crate) async fn post(&self, uri: &str, content_format: u16, body: &[u8]) -> Answer {
        self.call(
            &["-m", "post", "-t", &content_format.to_string()],
            uri,
            Some(body),
        )
        .await
    }

    async fn call(&self, options: &[&str], uri: &str, body: Option<&[u8]>) -> Answer {
        let scratch = Scratch::new();
        let (input, output) = (scratch.path("request"), scratch.path("response"));
        let mut command = Command::new(self.program);
        command
            .args(["-v", "7", "-B", GIVE_UP])
            .args(options)
            .args(&self.arguments);
        if let Some(body) = body {
            std::fs::write(&input, body).unwrap();
            command.arg("-f").arg(&input);
        }
        command
            .arg("-o")
            .arg(&output)
            .arg(uri)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let ran = tokio::time::timeout(Duration::from_secs(30), command.output())
            .await
            .unwrap_or_else(|_| panic!("{} did not end: {uri}", self.program))
            .unwrap_or_else(|error| {
                panic!(
                    "{} cannot be started ({error}): install the package libcoap3-bin",
                    self.program
                )
            });
        let log = [ran.stdout, ran.stderr].concat();
        Answer {
            payload: std::fs::read(&output).unwrap_or_default(),
            log: String::from_utf8_lossy(&log).into_owned(),
        }
    }
}

impl Answer {
    /// The program logged a message with this code, such as `4.03`.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.log.contains(&format!("c:{code}"))
    }

    /// The program logged this text.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        self.log.contains(text)
    }

    /// The program logged that it received this alert. OpenSSL and GnuTLS differ in the capital letter only.
    pub(crate) fn mentions_alert(&self, name: &str) -> bool {
        self.log
            .lines()
            .map(str::to_lowercase)
            .any(|line| line.contains("alert") && line.contains(name))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} bytes of payload; log:\n{}",
            self.payload.len(),
            self.log
        )
    }
}

/// A directory that goes away.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("motekey-libcoap-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
