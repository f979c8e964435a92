//! The program under test: started, watched, ended.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// An empty directory of its own, gone with the value.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("motekey-serve-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).unwrap();
        self.path(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server that runs; ended with the value.
pub(crate) struct Server {
    child: Option<Child>,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    /// Up to where [`Server::wait_for`] has looked.
    seen: Mutex<usize>,
}

impl Server {
    /// The command with these arguments, not yet run.
    pub(crate) fn command(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_motekey"));
        command
            .arg("serve")
            .args(arguments)
            .env_remove("MOTEKEY_LOG")
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Starts a server on a free port of loopback and waits until it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(Self::command(arguments).args(["--listen", "127.0.0.1:0"]))
    }

    pub(crate) fn start_with(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let writer = log.clone();
        let reader = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *writer.lock().unwrap() += &(line + "\n");
            }
        });
        let server = Self {
            child: Some(child),
            log,
            reader: Some(reader),
            seen: Mutex::new(0),
        };
        server.wait_until("it listens", |log| {
            log.contains("listening\"") || log.contains("listening address=")
        });
        server
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        let log = self.log.lock().unwrap();
        let (_, rest) = log.split_once("127.0.0.1:").unwrap();
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()))
    }

    /// Waits for a text in the part of the log where nothing was waited for yet.
    pub(crate) fn wait_for(&self, text: &str) {
        let mut seen = self.seen.lock().unwrap();
        let mut end = 0;
        let start = *seen;
        self.wait_until(text, |log| match log[start..].find(text) {
            Some(position) => {
                end = start + position + text.len();
                true
            }
            None => false,
        });
        *seen = end;
    }

    fn wait_until(&self, what: &str, mut condition: impl FnMut(&str) -> bool) {
        let begun = Instant::now();
        while !condition(&self.log.lock().unwrap()) {
            if begun.elapsed() > PATIENCE {
                panic!("waited for {what:?}:\n{}", self.log.lock().unwrap());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.id());
        assert!(
            Command::new("sh")
                .args(["-c", &command])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for the end; status and whole log.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let mut child = self.child.take().unwrap();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("does not end:\n{}", self.log.lock().unwrap());
            }
            thread::sleep(Duration::from_millis(10));
        };
        self.reader.take().unwrap().join().unwrap();
        let log = self.log.lock().unwrap().clone();
        (status, log)
    }

    /// CPU time used so far, in user and system.
    #[cfg(target_os = "linux")]
    pub(crate) fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        // The times are fields 14 and 15 of proc(5), in hundredths of a second; field 3 is the first here.
        let ticks: u64 = fields
            .split_ascii_whitespace()
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().unwrap())
            .sum();
        Duration::from_millis(10 * ticks)
    }

    /// Memory in use, as the system counts it.
    pub(crate) fn resident_kilobytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs a server that must not start; exit code and standard error.
pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Server::command(arguments).output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

pub(crate) fn hexadecimal(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|index| u8::from_str_radix(&text[index..index + 2], 16).unwrap())
        .collect()
}

/// The forms in which bytes come into logs.
pub(crate) fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let join = |separator: &str, form: fn(u8) -> String| {
        let parts: Vec<_> = secret.iter().map(|byte| form(*byte)).collect();
        parts.join(separator).into_bytes()
    };
    let lower = |byte| format!("{byte:02x}");
    let upper = |byte| format!("{byte:02X}");
    vec![
        secret.to_vec(),
        join("", lower),
        join("", upper),
        join(" ", lower),
        join(":", lower),
        join(", ", lower),
        join(", ", |byte| byte.to_string()),
        join(", ", |byte| format!("0x{byte:02x}")),
        join("", |byte| byte.escape_ascii().to_string()),
    ]
}
