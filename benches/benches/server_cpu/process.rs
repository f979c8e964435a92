//! Servers as processes of their own: where they run, and what they cost.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::keys;

/// Names the server that a process of this program is.
pub(crate) const SERVER: &str = "MOTEKEY_BENCH_SERVER";

/// A server that runs, ended with this value.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// The CPU of the servers and the one of the load; the same if there is only one.
fn cpus() -> [usize; 2] {
    let allowed = sched_getaffinity(None).unwrap();
    let mut allowed = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
    let first = allowed.next().unwrap();
    [first, allowed.next().unwrap_or(first)]
}

fn pin(process: Option<Pid>, cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(process, &set).unwrap();
}

/// What a server of libcoap authenticates with: the same server with all kinds is slower with each.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keys {
    Shared,
    Raw,
    Certified,
}

/// Who keeps off whose CPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    server: usize,
}

impl Places {
    /// Takes the place of the load for this thread.
    pub(crate) fn take() -> Self {
        let [server, load] = cpus();
        pin(None, load);
        Self { server }
    }

    /// One of our servers, by name: this program again.
    pub(crate) fn ours(self, name: &str) -> Process {
        let program = std::env::current_exe().unwrap();
        let mut child = Command::new(program)
            .env(SERVER, name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let address = line.trim().parse().unwrap();
        self.place(child, address)
    }

    /// A server program of libcoap with the key and the certificates of [`keys`]; why not, if it does not run.
    pub(crate) fn libcoap(self, program: &str, by: Keys) -> Result<Process, String> {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let [key, certificate, authority] = keys::files(directory);
        let port = free_port();
        let mut command = Command::new(program);
        command.args(["-A", "127.0.0.1", "-v", "0", "-p", &port.to_string()]);
        match by {
            Keys::Shared => {
                command.args(["-k", std::str::from_utf8(keys::PRE_SHARED).unwrap()]);
            }
            Keys::Raw => {
                command.arg("-M").arg(key);
            }
            Keys::Certified => {
                command.arg("-c").arg(certificate);
                command.arg("-j").arg(key).arg("-C").arg(authority);
            }
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{program}: {error}; install libcoap3-bin"))?;
        sleep(Duration::from_millis(300));
        // RFC 7252 Section 6.2: DTLS has the port after that of plain CoAP here.
        Ok(self.place(child, SocketAddr::from((Ipv4Addr::LOCALHOST, port + 1))))
    }

    fn place(self, child: Child, address: SocketAddr) -> Process {
        pin(Some(Pid::from_child(&child)), self.server);
        Process { child, address }
    }
}

impl Process {
    /// The CPU time that it has used, all threads, in nanoseconds.
    pub(crate) fn cpu_time(&self) -> u64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let time = |thread: fs::DirEntry| {
            let figures = fs::read_to_string(thread.path().join("schedstat")).unwrap();
            figures.split(' ').next().unwrap().parse::<u64>().unwrap()
        };
        threads.map(|thread| time(thread.unwrap())).sum()
    }

    /// Its resident memory in kB.
    pub(crate) fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.unwrap().trim().trim_end_matches(" kB");
        number.parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free, as is the one after it, as far as one can know.
fn free_port() -> u16 {
    let free = |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    (20_000..30_000)
        .step_by(2)
        .find(|port| free(*port) && free(*port + 1))
        .unwrap()
}
