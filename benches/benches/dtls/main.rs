//! TLS_PSK_WITH_AES_128_CCM_8 in memory, side by side with the crate dimpl and with OpenSSL, in one run: what a server
//! spends in CPU time, what idle sessions keep, what is on the wire.
//!
//! All take the same steps: 128 handshakes at a time with cookie exchange and an identity of 15 bytes, where only what
//! the servers do is measured, making and freeing their sessions included; echoes of 64 bytes, where only the server is
//! measured; resident memory of servers that stay. Three rounds, the best of each counts: other programs can only make
//! a figure worse. OpenSSL is a program in C, built against the libssl that is installed (Debian: libssl-dev, gcc).
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that measures and prints"
)]

mod ours;
mod program;
mod theirs;

use std::process::Command;

use criterion::measurement::Measurement as _;
use motekey_benches::cpu_time::CpuTime;

/// Handshakes at a time.
const BATCH: usize = 128;
/// Records at a time.
const RECORDS: usize = 100;
/// Batches of sessions that stay, for their memory.
const KEPT: usize = 80;
/// CPU seconds that the servers take in a round.
const ROUND: f64 = 0.5;
const ROUNDS: usize = 3;
/// Names the one whose memory a process measures.
const IDLE: &str = "MOTEKEY_BENCH_IDLE";
const HELLOS: usize = 20_000;
const IDENTITY: &[u8] = b"device-00000042";
const KEY: [u8; 16] = [0x6b; 16];

/// What a server does and costs.
#[derive(Debug, Clone, Copy)]
struct Figures {
    /// Handshakes for a second of its CPU time.
    handshakes: f64,
    /// Echoes of 64 bytes for a second of its CPU time.
    echoes: f64,
    /// Microseconds for a ClientHello without cookie.
    hello: f64,
    /// Resident bytes of an idle session.
    idle: f64,
    /// Bytes of a handshake, both ways.
    bytes: f64,
}

impl Figures {
    fn better(self, other: Self) -> Self {
        Self {
            handshakes: self.handshakes.max(other.handshakes),
            echoes: self.echoes.max(other.echoes),
            hello: self.hello.min(other.hello),
            idle: self.idle.min(other.idle),
            bytes: self.bytes.min(other.bytes),
        }
    }
}

/// An implementation under measurement.
trait Subject {
    type Client;
    type Server;

    /// Handshakes in step: the ends, and the seconds that the servers took.
    fn handshakes(&mut self) -> (Vec<Self::Client>, Vec<Self::Server>, f64, usize);
    /// Seconds that the server takes for [`RECORDS`] echoes.
    fn echo(&mut self, client: &mut Self::Client, server: &mut Self::Server) -> f64;
    /// Seconds for [`HELLOS`] ClientHellos without cookie.
    fn hello(&mut self) -> f64;
}

/// The seconds of CPU time that something takes.
fn cpu<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = CpuTime.start();
    let value = work();
    (value, CpuTime.end(start).as_secs_f64())
}

fn measure<S: Subject>(subject: &mut S) -> Figures {
    let (mut time, mut count, mut echo_time, mut echoes, mut bytes) = (0.0, 0, 0.0, 0, 0);
    while time < ROUND {
        let (mut clients, mut servers, seconds, length) = subject.handshakes();
        let (client, server) = (clients.first_mut().unwrap(), servers.first_mut().unwrap());
        for _ in 0..4 {
            echo_time += subject.echo(client, server);
            echoes += RECORDS;
        }
        bytes = length;
        count += servers.len();
        time += seconds + cpu(|| drop(servers)).1;
    }
    Figures {
        handshakes: count as f64 / time,
        echoes: echoes as f64 / echo_time,
        hello: subject.hello() * 1e6 / HELLOS as f64,
        idle: f64::INFINITY,
        bytes: bytes as f64,
    }
}

/// Resident bytes of an idle session, in a process that did nothing else: what was freed before would be taken again.
fn idle<S: Subject>(subject: &mut S) -> f64 {
    let mut kept = vec![subject.handshakes().1];
    let before = resident();
    kept.extend((0..KEPT).map(|_| subject.handshakes().1));
    let bytes = resident().saturating_sub(before);
    bytes as f64 / (KEPT * BATCH) as f64
}

/// [`idle`] in a process of its own.
fn idle_apart(name: &str) -> f64 {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program).env(IDLE, name).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .unwrap()
        * 4096
}

fn main() {
    match std::env::var(IDLE).as_deref() {
        Ok("motekey") => return println!("{}", idle(&mut ours::Ours::new())),
        Ok(_) => return println!("{}", idle(&mut theirs::Dimpl::new())),
        Err(_) => {}
    }
    let openssl = program::build();
    let (mut ours, mut dimpl) = (ours::Ours::new(), theirs::Dimpl::new());
    let mut best: [Option<Figures>; 3] = [None; 3];
    for _ in 0..ROUNDS {
        let round = [
            Some(Figures {
                idle: idle_apart("motekey"),
                ..measure(&mut ours)
            }),
            Some(Figures {
                idle: idle_apart("dimpl"),
                ..measure(&mut dimpl)
            }),
            openssl.as_deref().ok().map(program::run),
        ];
        for (best, figures) in best.iter_mut().zip(round) {
            *best = match (*best, figures) {
                (Some(best), Some(figures)) => Some(best.better(figures)),
                (best, figures) => figures.or(best),
            };
        }
    }
    let [Some(ours), Some(dimpl), openssl_figures] = best else {
        return;
    };
    print_table(ours, dimpl, openssl_figures);
    if let Err(reason) = openssl {
        println!("\nOpenSSL was left out: {reason}");
    }
}

fn print_table(ours: Figures, dimpl: Figures, openssl: Option<Figures>) {
    println!(
        "| server, TLS_PSK_WITH_AES_128_CCM_8 | motekey | dimpl | OpenSSL | to dimpl | to OpenSSL |"
    );
    println!("|---|---|---|---|---|---|");
    type Column = (&'static str, fn(Figures) -> f64, bool);
    let columns: [Column; 5] = [
        ("full handshakes per CPU second", |f| f.handshakes, true),
        ("echoes of 64 bytes per CPU second", |f| f.echoes, true),
        ("ClientHello without cookie, us", |f| f.hello, false),
        ("idle session, resident bytes", |f| f.idle, false),
        ("full handshake, bytes both ways", |f| f.bytes, false),
    ];
    for (name, figure, more_is_better) in columns {
        let times = |other: f64| {
            let ratio = if more_is_better {
                figure(ours) / other
            } else {
                other / figure(ours)
            };
            format!("{ratio:.2} x")
        };
        let digits = if figure(ours) < 10.0 { 2 } else { 0 };
        let other = openssl.map(figure);
        println!(
            "| {name} | {:.digits$} | {:.digits$} | {} | {} | {} |",
            figure(ours),
            figure(dimpl),
            other.map_or("-".into(), |other| format!("{other:.digits$}")),
            times(figure(dimpl)),
            other.map_or("-".into(), times),
        );
    }
    println!("\nBetter is above 1 x.");
}
